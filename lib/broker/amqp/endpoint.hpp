#pragma once

#include <string>

#include "core/result.hpp"

namespace mtmsg::broker::amqp {

/// What an AMQP URL says (https://www.rabbitmq.com/uri-spec.html). Never print `password`.
struct Endpoint {
  std::string host;
  std::uint16_t port = 5672;
  std::string user;
  std::string password;
  std::string vhost = "/";

  /// "host:port", for messages.
  std::string name() const;
};

/// No path, or an empty one, means the vhost "/". Error: invalid_argument, which never repeats the URL (it holds a
/// password).
Result<Endpoint> parse_url(std::string url);

}  // namespace mtmsg::broker::amqp
