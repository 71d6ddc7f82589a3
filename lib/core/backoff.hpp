#pragma once

#include <chrono>
#include <cstdint>

namespace mtmsg {

/// The retry rule: exponential, with full jitter in its upper half, and a cap. Pure: the caller gives the randomness
/// and does the waiting.
class Backoff {
 public:
  struct Limits {
    std::chrono::milliseconds first{100};
    std::chrono::milliseconds cap{5000};
    /// What fails again sooner has not worked.
    std::chrono::milliseconds steady{1000};
  };

  Backoff() = default;
  explicit Backoff(Limits limits) : limits_(limits) {}

  /// The wait before the next try: between half of and the whole of min(cap, first × 2^tries).
  std::chrono::milliseconds next(std::uint32_t random) noexcept;
  /// It worked for so long. If that was `steady`, the next failure waits `first` again; what comes up only to fall at
  /// once backs off like what does not come up.
  void worked(std::chrono::milliseconds lasted) noexcept {
    if (lasted >= limits_.steady) tries_ = 0;
  }
  unsigned tries() const noexcept { return tries_; }

 private:
  Limits limits_{};
  unsigned tries_ = 0;
};

}  // namespace mtmsg
