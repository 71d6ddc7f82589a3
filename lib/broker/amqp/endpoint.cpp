#include "broker/amqp/endpoint.hpp"

#include "broker/amqp/api.hpp"

namespace mtmsg::broker::amqp {

std::string Endpoint::name() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> parse_url(std::string url) {
  static constexpr const char* kForm = "the broker URL must have the form amqp://user:password@host:port/vhost";
  amqp_connection_info info;
  amqp_default_connection_info(&info);
  // Parses in place: `info` points into `url`.
  if (amqp_parse_url(url.data(), &info) != AMQP_STATUS_OK) return fail(ErrorCode::invalid_argument, kForm);
  if (info.ssl) {
    return fail(ErrorCode::invalid_argument,
                "the broker URL asks for TLS (amqps://), which this version does not speak: use amqp:// over a network "
                "you trust");
  }
  if (info.port < 1 || info.port > 65535 || info.host == nullptr || *info.host == '\0') {
    return fail(ErrorCode::invalid_argument, kForm);
  }
  Endpoint endpoint;
  endpoint.host = info.host;
  endpoint.port = static_cast<std::uint16_t>(info.port);
  endpoint.user = info.user;
  endpoint.password = info.password;
  if (info.vhost != nullptr && *info.vhost != '\0') endpoint.vhost = info.vhost;
  return endpoint;
}

}  // namespace mtmsg::broker::amqp
