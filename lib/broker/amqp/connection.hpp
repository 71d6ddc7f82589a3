#pragma once

#include <memory>
#include <string>

#include "broker/amqp/api.hpp"
#include "broker/amqp/dial.hpp"
#include "broker/amqp/endpoint.hpp"
#include "broker/amqp/tunnel.hpp"
#include "broker/session.hpp"

namespace mtmsg::broker::amqp {

/// The largest frame asked for. A channel's buffer inside rabbitmq-c is one page of this size, touched as far as used.
inline constexpr int kFrameMax = 131072;
/// RabbitMQ's own limit of channels a connection.
inline constexpr int kChannelMax = 2047;

/// A logged-in connection: owns the library's state and with it the socket. One thread at a time.
class Connection {
 public:
  /// To the first server that lets us in, in the order `turn` says. Blocks at most as long as broker::connect says, or
  /// until interrupted. Errors: broker_unavailable with each server's reason, in the URL's order; invalid_argument.
  static Result<Connection> open(const ConnectOptions& options, const std::shared_ptr<Interruption>& interruption,
                                 Turn& turn);
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  amqp_connection_state_t get() const noexcept { return state_.get(); }
  int fd() const noexcept { return amqp_get_sockfd(state_.get()); }
  /// "host:port", for messages.
  const std::string& name() const noexcept { return name_; }
  std::uint16_t channel_max() const noexcept { return channel_max_; }
  /// The interval agreed on; 0: none. Whoever reads and writes sends heartbeats and misses them: the library would do
  /// so only in its own reads.
  std::chrono::seconds heartbeat() const noexcept { return heartbeat_; }
  /// Why TLS broke; empty while it did not, and without it.
  std::string why_tls_broke() const { return tunnel_ ? tunnel_->why() : std::string(); }
  /// RabbitMQ's major version; 0 when it did not say.
  unsigned server_version() const noexcept { return server_version_; }

 private:
  static Result<Connection> open_one(const Endpoint& endpoint, const ConnectOptions& options,
                                     std::chrono::steady_clock::time_point deadline,
                                     std::shared_ptr<Interruption> interruption);

  struct Deleter {
    void operator()(amqp_connection_state_t state) const noexcept { amqp_destroy_connection(state); }
  };
  using State = std::unique_ptr<amqp_connection_state_t_, Deleter>;
  Connection(std::unique_ptr<Tunnel> tunnel, State state, std::string name, std::shared_ptr<Interruption> interruption,
             std::uint64_t attachment, std::chrono::seconds heartbeat);

  std::unique_ptr<Tunnel> tunnel_;  // null without TLS; goes after state_, which closes its near end
  State state_;
  std::string name_;
  std::shared_ptr<Interruption> interruption_;
  std::uint64_t attachment_;
  std::uint16_t channel_max_;
  std::chrono::seconds heartbeat_;
  unsigned server_version_;
};

}  // namespace mtmsg::broker::amqp
