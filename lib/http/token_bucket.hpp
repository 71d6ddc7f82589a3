#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace mtmsg::http {

/// So many a second, with a burst of one second's worth: in any time t at most rate × t + rate. Holds no clock: the
/// caller says what time it is, and time that goes backwards stands still. A rate is 1..1,000,000. One thread.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;
  using Wait = std::chrono::nanoseconds;

  /// Full.
  explicit TokenBucket(Clock::time_point now) noexcept : filled_(now) {}

  /// Takes a token, or says how long it takes until there is one. The rate may change from call to call.
  std::optional<Wait> take(std::uint64_t rate, Clock::time_point now) noexcept {
    const auto capacity = rate * kToken;
    const auto passed = std::clamp(std::chrono::duration_cast<Wait>(now - filled_), Wait{0}, Wait{kFull});
    level_ = std::min(capacity, std::min(level_, capacity) + static_cast<std::uint64_t>(passed.count()) * rate);
    filled_ = std::max(filled_, now);
    if (level_ < kToken) return Wait{(kToken - level_ + rate - 1) / rate};
    level_ -= kToken;
    return std::nullopt;
  }

  /// As good as new: nobody needs to remember it.
  bool idle(Clock::time_point now) const noexcept { return now - filled_ >= kFull; }

 private:
  /// Levels count in billionths of a token, and a nanosecond brings `rate` of them: no rounding, no overflow.
  static constexpr std::uint64_t kToken = 1'000'000'000;
  /// After this every bucket is full, whatever its rate.
  static constexpr std::chrono::seconds kFull{1};

  std::uint64_t level_ = UINT64_MAX;
  Clock::time_point filled_;
};

}  // namespace mtmsg::http
