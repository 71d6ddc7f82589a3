#include "client/endpoint.hpp"

#include <charconv>
#include <optional>

#include <sys/un.h>

namespace mtmsg::client {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

Error bad(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_argument, "endpoint \"" + std::string(text) + "\": " + std::string(why) +
                                               "; an endpoint is unix:/PATH, http://HOST:PORT or https://HOST:PORT");
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, ec] = std::from_chars(text.data(), end, port);
  if (ec != std::errc{} || stopped != end || port == 0) return std::nullopt;
  return port;
}

Result<Endpoint> parse_unix(std::string_view text) {
  const auto path = text.substr(kUnix.size());
  if (path.empty()) return bad(text, "the path is missing");
  // unix(7): sun_path holds 108 bytes with the zero at its end.
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return bad(text, "the path is too long for a socket");
  Endpoint endpoint;
  endpoint.path = path;
  return endpoint;
}

Result<Endpoint> parse_http(std::string_view text, Endpoint::Scheme scheme) {
  Endpoint endpoint;
  endpoint.scheme = scheme;
  endpoint.port = scheme == Endpoint::Scheme::https ? 443 : 80;
  auto rest = text.substr(text.find("://") + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos) return bad(text, "only a host and a port belong there");
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return bad(text, "the bracket is not closed");
    endpoint.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
  } else {
    const auto colon = std::min(rest.find(':'), rest.size());
    endpoint.host = rest.substr(0, colon);
    port = rest.substr(colon);
  }
  if (endpoint.host.empty()) return bad(text, "the host is missing");
  if (port.empty()) return endpoint;
  const auto number = port.starts_with(':') ? parse_port(port.substr(1)) : std::nullopt;
  if (!number) return bad(text, "the port is a number from 1 to 65535");
  endpoint.port = *number;
  return endpoint;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  if (text.starts_with(kUnix)) return parse_unix(text);
  if (text.starts_with(kHttp)) return parse_http(text, Scheme::http);
  if (text.starts_with(kHttps)) return parse_http(text, Scheme::https);
  return bad(text, "the scheme is not known");
}

std::string Endpoint::to_string() const {
  if (scheme == Scheme::unix_socket) return std::string(kUnix) + path;
  const bool ipv6 = host.find(':') != std::string::npos;
  return std::string(scheme == Scheme::https ? kHttps : kHttp) + (ipv6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

}  // namespace mtmsg::client
