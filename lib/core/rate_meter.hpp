#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>

namespace mtmsg {

/// How many a second at the moment: what is older than some seconds fades. A value of a few bytes, without a clock of
/// its own. One thread.
class RateMeter {
 public:
  using Clock = std::chrono::steady_clock;

  void add(std::size_t events, Clock::time_point now) noexcept {
    rate_ = per_second(now) + static_cast<double>(events) / kSpan.count();
    at_ = std::max(at_, now);
    if (events > 0) last_ = at_;
  }

  /// 0 once next to nothing is left of it.
  double per_second(Clock::time_point now) const noexcept {
    if (now <= at_) return rate_;
    const auto rate = rate_ * std::exp(-(std::chrono::duration<double>(now - at_) / kSpan));
    return rate < kNothing ? 0 : rate;
  }

  /// When there was something last; nothing: never.
  std::optional<Clock::time_point> last() const noexcept { return last_; }

 private:
  static constexpr std::chrono::duration<double> kSpan{5};
  static constexpr double kNothing = 0.05;

  double rate_ = 0;
  Clock::time_point at_{};
  std::optional<Clock::time_point> last_;
};

}  // namespace mtmsg
