#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// RabbitMQ by plain rabbitmq-c, one call after the other, without anything of ours.
namespace mtmsg::test {

class RawConnection;

/// Consumers, each with a channel and a prefetch of its own, on as many connections as they need. They end with the
/// object.
class RawConsumers {
 public:
  enum class Share { with_others, exclusive };
  /// Throws with what the broker said.
  RawConsumers(const std::vector<std::string>& queues, std::uint16_t prefetch, Share share = Share::with_others);
  ~RawConsumers();
  RawConsumers(const RawConsumers&) = delete;
  RawConsumers& operator=(const RawConsumers&) = delete;

 private:
  std::vector<std::unique_ptr<RawConnection>> connections_;
};

/// They need not be there. Throws with what the broker said.
void delete_from_broker(const std::string& queue, const std::string& exchange);

}  // namespace mtmsg::test
