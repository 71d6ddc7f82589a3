#include "http/body.hpp"

#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

constexpr std::string_view kNdjson = "application/x-ndjson";

/// "text/html; q=0.9" → "text/html"
std::string_view media_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

BodyType body_type(const Request& request) {
  const auto type = media_type(request.header("Content-Type"));
  if (type.empty() || iequals(type, "application/json")) return BodyType::json;
  return iequals(type, kNdjson) ? BodyType::ndjson : BodyType::other;
}

bool wants_ndjson(const Request& request) {
  auto rest = request.header("Accept");
  while (!rest.empty()) {
    const auto one = rest.substr(0, rest.find(','));
    if (iequals(media_type(one), kNdjson)) return true;
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return false;
}

boost::system::result<std::string, Problem> read_json_body(Request& request, std::size_t max_bytes) {
  if (body_type(request) != BodyType::json) return unsupported_type("application/json");
  std::string body;
  while (true) {
    const auto more = request.body.read(body);
    if (!more) return more.error();
    if (body.size() > max_bytes)
      return Problem(fail(ErrorCode::too_large, "the body is larger than " + std::to_string(max_bytes) + " bytes"));
    if (!*more) return body;
  }
}

Problem unsupported_type(std::string_view wanted) {
  return {415, "unsupported_media_type", "the Content-Type must be " + std::string(wanted)};
}

}  // namespace mtmsg::http
