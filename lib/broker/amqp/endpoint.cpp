#include "broker/amqp/endpoint.hpp"

#include <algorithm>
#include <utility>

#include "broker/amqp/api.hpp"

namespace mtmsg::broker::amqp {
namespace {

constexpr const char* kForm = "the broker URL must have the form amqp://user:password@host:port,host:port/vhost";

Result<Endpoint> parse_one(std::string url) {
  amqp_connection_info info;
  amqp_default_connection_info(&info);
  // Parses in place: `info` points into `url`.
  if (amqp_parse_url(url.data(), &info) != AMQP_STATUS_OK) return fail(ErrorCode::invalid_argument, kForm);
  if (info.port < 1 || info.port > 65535 || info.host == nullptr || *info.host == '\0') {
    return fail(ErrorCode::invalid_argument, kForm);
  }
  Endpoint endpoint;
  endpoint.host = info.host;
  endpoint.port = static_cast<std::uint16_t>(info.port);
  endpoint.tls = info.ssl != 0;
  endpoint.user = info.user;
  endpoint.password = info.password;
  if (info.vhost != nullptr && *info.vhost != '\0') endpoint.vhost = info.vhost;
  return endpoint;
}

}  // namespace

std::string Endpoint::name() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<std::vector<Endpoint>> parse_url(const std::string& url) {
  // The library knows URLs of one host: each is parsed as if it were the only one.
  const auto scheme = url.find("://");
  const auto authority = scheme == std::string::npos ? 0 : scheme + 3;
  const auto path = std::min(url.find('/', authority), url.size());
  const auto at = url.substr(0, path).rfind('@');
  const auto hosts = at == std::string::npos || at < authority ? authority : at + 1;
  const auto before = url.substr(0, hosts);
  const auto after = url.substr(path);
  std::vector<Endpoint> endpoints;
  for (auto begin = hosts;;) {
    const auto end = std::min(url.find(',', begin), path);
    // Alone, an empty one means localhost.
    const bool alone = begin == hosts && end == path;
    if ((begin == end && !alone) || endpoints.size() == kMaxHosts) return fail(ErrorCode::invalid_argument, kForm);
    auto one = before;
    one.append(url, begin, end - begin).append(after);
    auto endpoint = parse_one(std::move(one));
    if (!endpoint) return endpoint.error();
    endpoints.push_back(std::move(*endpoint));
    if (end == path) return endpoints;
    begin = end + 1;
  }
}

}  // namespace mtmsg::broker::amqp
