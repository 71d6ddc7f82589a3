#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace mtmsg::broker::amqp {

/// One of the servers of an AMQP URL (https://www.rabbitmq.com/uri-spec.html). Never print `password`.
struct Endpoint {
  std::string host;
  std::uint16_t port = 5672;  ///< with TLS 5671, where none is given
  bool tls = false;           ///< amqps://
  std::string user;
  std::string password;
  std::string vhost = "/";

  /// "host:port", for messages.
  std::string name() const;
};

/// A URL may name more hosts than this; nobody has as many nodes, and each costs time when all are away.
inline constexpr std::size_t kMaxHosts = 16;

/// The servers in the URL's order, at least one: amqp://user:password@host1:port1,host2:port2/vhost means any of them,
/// as in libpq's URLs. No path, or an empty one, means the vhost "/". Pure. Error: invalid_argument, which never
/// repeats the URL (it holds a password).
Result<std::vector<Endpoint>> parse_url(const std::string& url);

/// Whose turn it is: the one's after the one that was tried last, whether it failed at once or was lost later. So one
/// that is dead or hangs costs the next connect nothing.
class Turn {
 public:
  std::size_t first(std::size_t count) const noexcept { return next_ % count; }
  void tried(std::size_t index) noexcept { next_ = index + 1; }

 private:
  std::size_t next_ = 0;
};

}  // namespace mtmsg::broker::amqp
