#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/output/sink.hpp"

namespace mtmsg::ctl {

/// A line on a terminal that says how far a long work is, drawn over itself a few times a second. One thread.
class Progress {
 public:
  /// Draws nothing at all unless `shown`. `total`: where it will end, if that is known.
  Progress(Sink& terminal, bool shown, std::string_view unit, std::optional<std::uint64_t> total);
  /// Takes the line away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t by);
  void clear();
  /// Per second since the beginning.
  std::uint64_t rate() const;

 private:
  void draw();

  using Clock = std::chrono::steady_clock;
  Sink& terminal_;
  bool shown_;
  std::string unit_;
  std::optional<std::uint64_t> total_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point drawn_ = begun_;
  std::uint64_t done_ = 0;
  bool on_screen_ = false;
};

}  // namespace mtmsg::ctl
