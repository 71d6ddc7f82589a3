// The configuration file: whatever it holds, loading ends, with a configuration or with problems that say where.

#include "config/loader.hpp"
#include "config/options.hpp"
#include "fuzz/fuzz.hpp"

namespace mtmsg::fuzz {
namespace {

constexpr std::string_view kSeeds[] = {
    "[http]\nlisten = \"127.0.0.1:8080\"\nmax_body_bytes = \"16MiB\"\nmax_connections = 12\n",
    "[broker]\nurl = \"amqp://u:p@h:5672/v\"\nheartbeat = \"10s\"\n[database]\nurl = \"postgresql://h/db\"\n",
    "[socket]\nmode = \"0660\"\n[auth]\nmode = \"none\"\n[log]\nlevel = 'info'\n",
    "http.listen = \"[::1]:1\"\n# a comment\n[tenants]\nworkers = 3\nbatch = 0x10\n",
    "[limits]\nmax_message_bytes = 1024\nretention_seconds = 1_000\n"};
constexpr std::string_view kWords[] = {"[http]",  "\"\"\"",
                                       "'''",     "= ",
                                       "[[x]]",   "{a = 1}",
                                       "1e400",   "-1",
                                       "true",    "1979-05-27T07:32:00Z",
                                       "\\u0000", "\\UFFFFFFFF",
                                       "\n",      "99999999999999999999",
                                       "\"1h\"",  "\"9999999GiB\"",
                                       "[",       "]",
                                       ".",       "inf",
                                       "nan"};

}  // namespace

std::span<const std::string_view> seeds() noexcept {
  return kSeeds;
}
std::span<const std::string_view> words() noexcept {
  return kWords;
}

}  // namespace mtmsg::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mtmsg::config;
  using mtmsg::fuzz::require;
  auto loaded = load_text(mtmsg::fuzz::text_of(data, size), "f", {});
  for (const auto& problem : loaded.problems)
    require(!problem.where.empty() && !problem.what.empty(), "a problem says what and where");
  if (!loaded.ok()) return 0;
  for (const auto& option : options()) {
    const auto value = value_of(option, loaded.config);
    require(value.empty() || assign(option, loaded.config, value).has_value(), "a value is shown as it is taken");
    require(value_of(option, loaded.config) == value, "a value taken again is the same");
  }
  return 0;
}
