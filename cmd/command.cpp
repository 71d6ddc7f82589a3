#include "cmd/command.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

namespace mtmsg::ctl {
namespace {

constexpr char kBracketGuard = '\x1f';

}  // namespace

CLI::App& add_verb(CLI::App& parent, std::string name, std::string help, std::string examples) {
  auto* verb = parent.add_subcommand(std::move(name), std::move(help));
  verb->footer(std::move(examples));
  return *verb;
}

void add_tenant_argument(CLI::App& verb, std::string& tenant) {
  verb.add_option("TENANT,--tenant", tenant, "The tenant's name or id")->type_name("TENANT")->required();
}

std::string with_bracket_guard(std::string arg) {
  if (arg.starts_with('[')) arg.insert(arg.begin(), kBracketGuard);
  return arg;
}

std::string without_bracket_guard(std::string arg) {
  if (arg.starts_with(kBracketGuard)) arg.erase(arg.begin());
  return arg;
}

std::function<std::string(const std::string&)> whole_number(std::uint64_t lowest, std::uint64_t highest) {
  return [lowest, highest](const std::string& text) {
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stopped, ec] = std::from_chars(text.data(), end, number);
    if (ec == std::errc{} && stopped == end && number >= lowest && number <= highest) return std::string();
    return "'" + text + "' is not a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
  };
}

Result<std::string> read_secret_file(const std::string& path, std::string_view what) {
  const auto name = "the " + std::string(what) + " file " + path;
  std::ifstream file(path, std::ios::binary);
  std::string secret{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return fail(ErrorCode::invalid_argument, name + " cannot be read");
  const auto begin = secret.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return fail(ErrorCode::invalid_argument, name + " is empty");
  return secret.substr(begin, secret.find_last_not_of(" \t\r\n") - begin + 1);
}

void on_chosen(CLI::App& verb, Action& chosen, Action action) {
  verb.callback([&chosen, action = std::move(action)] { chosen = action; });
}

}  // namespace mtmsg::ctl
