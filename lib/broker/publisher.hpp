#pragma once

#include <future>
#include <memory>
#include <string>

#include "broker/link.hpp"
#include "broker/topology.hpp"

namespace mtmsg::broker {

/// Publishes into tenants' exchanges with `mandatory` and confirms, over a link of its own. Any thread.
/// While a queue refuses everything for longer than `refusal_patience`, what follows goes over a fresh channel each
/// time, since a channel of a RabbitMQ cluster can be wrong about a queue (broker/refusals.hpp).
class Publisher {
 public:
  struct Limits {
    std::size_t max_in_flight_messages = 2000;  ///< unconfirmed, over all callers
    std::size_t max_in_flight_bytes = 32 << 20;
    std::chrono::milliseconds confirm_timeout{15000};
    std::chrono::milliseconds refusal_patience{5000};  ///< with one queue; then another channel is asked
  };

  Publisher(ConnectOptions connect, Limits limits);
  ~Publisher();

  void start();
  void stop();
  LinkStatus status() const;

  /// The message goes to tenant_exchange(tenant). The future is ready once the broker has answered: success means a
  /// queue holds it durably. Blocks the caller while the limits above are reached, so memory stays bounded.
  /// Errors: broker_unavailable (not connected, blocked by an alarm, or lost before the confirm: the message may or
  /// may not be there, so retry with the same id), not_found (no queue is bound), broker_rejected (queue full),
  /// timeout (also the connection is given up then, unless an alarm explains it: who else waits hears of that).
  std::future<Result<void>> publish(TenantId tenant, std::string message_id, std::string body,
                                    std::vector<std::pair<std::string, std::string>> headers = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::broker
