// The address of a request: what is taken apart is UTF-8 without control characters, and put together again it is
// taken apart the same way.

#include "http/target.hpp"

#include "fuzz/fuzz.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::fuzz {
namespace {

constexpr std::string_view kSeeds[] = {"/", "/tenants/acme/messages?cursor=5&limit=10", "/a%2Fb/%41?x%3D=1%262&t=+",
                                       "/tenants/%C3%A4?since=2026-01-31T12:00:00+02:00", "/%e2%82%ac/%f0%9f%98%80"};
constexpr std::string_view kWords[] = {"%", "%2", "%00", "%0d%0a", "%2e%2e", "..",        ".",   "//",  "/",
                                       "?", "&",  "=",   "#",      "%c0%af", "%ed%a0%80", "%ff", "%2F", "%25"};

void append(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
}

std::string put_together(const http::Target& target) {
  std::string out;
  for (const auto& segment : target.segments) append(out += '/', segment);
  if (out.empty()) out = "/";
  char separator = '?';
  for (const auto& [name, value] : target.parameters) {
    append(out += separator, name);
    append(out += '=', value);
    separator = '&';
  }
  return out;
}

void check_text(std::string_view text) {
  require(wire::is_utf8(text), "a decoded part is UTF-8");
  for (const char c : text)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a decoded part has no control characters");
}

}  // namespace

std::span<const std::string_view> seeds() noexcept {
  return kSeeds;
}
std::span<const std::string_view> words() noexcept {
  return kWords;
}

}  // namespace mtmsg::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mtmsg::fuzz;
  std::string text = "/";  // the framing takes no other
  for (const char c : text_of(data, size))
    if (c > 0x20 && c < 0x7F) text += c;
  const auto target = mtmsg::http::parse_target(text);
  if (!target) return 0;
  for (const auto& segment : target->segments) check_text(segment);
  for (const auto& [name, value] : target->parameters) check_text(name), check_text(value);
  const auto again = mtmsg::http::parse_target(put_together(*target));
  require(again && again->segments == target->segments && again->parameters == target->parameters,
          "an address put together again is the same");
  return 0;
}
