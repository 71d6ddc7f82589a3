#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mtmsg::broker {

/// Since when the queue behind each exchange has refused (basic.nack) whatever it was given. Pure.
///
/// A queue that is full refuses, and so does a channel whose process lost sight of the queue: RabbitMQ 3.10 looks for a
/// quorum queue's leader when a channel first publishes to it, and a channel that found a node that was just dying
/// refuses everything for that queue from then on. Only another channel can tell which it is.
class Refusals {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Refusals(std::chrono::milliseconds patience) : patience_(patience) {}

  /// The queue took a message. Cheap while nothing is refused.
  void taken(const std::string& exchange) {
    if (!since_.empty()) since_.erase(exchange);
  }
  /// The queue refused one. True if it has done so, and nothing else, for as long as our patience lasts.
  bool refused(const std::string& exchange, Clock::time_point now) {
    return now - since_.try_emplace(exchange, now).first->second >= patience_;
  }
  /// Another channel begins without a past.
  void forget() { since_.clear(); }

 private:
  std::chrono::milliseconds patience_;
  std::unordered_map<std::string, Clock::time_point> since_;
};

}  // namespace mtmsg::broker
