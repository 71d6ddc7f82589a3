#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mtmsg::daemon {

/// Keeps what a stranger can cause at will from flooding the log: of events that are alike, the first is told at once,
/// and those of the next kWindow are summed up. At most kKinds are told apart; what comes beyond them is one kind of
/// its own, named kOthers. Holds no clock. Any thread.
class Repeats {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kWindow{10};
  static constexpr std::size_t kKinds = 256;
  static constexpr std::string_view kOthers = "others";

  /// Shall this one be told?
  bool first(std::string_view kind, Clock::time_point now);

  struct Sum {
    std::string kind;
    std::uint64_t more = 0;  ///< than were told
  };
  /// Of kinds whose window is over; each is told once, and forgotten. Cheap while none is.
  std::vector<Sum> sums(Clock::time_point now);

 private:
  struct Window {
    Clock::time_point begin;
    std::uint64_t more = 0;
  };

  std::mutex mutex_;  ///< guards what follows
  std::unordered_map<std::string, Window> windows_;
  Clock::time_point next_look_{};
};

}  // namespace mtmsg::daemon
