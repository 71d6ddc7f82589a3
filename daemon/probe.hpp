#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "core/result.hpp"

namespace mtmsg::daemon {

/// Asks the database once a second how it is, on a thread of its own: one short query a second for the whole daemon.
/// Whoever wants to know reads the last answer, so any number of them cost nothing more, and a server that has frozen
/// keeps nobody waiting.
class Probe {
 public:
  struct Times {
    std::chrono::milliseconds every{1000};
    std::chrono::milliseconds patience{3000};  ///< with an unanswered question; then it counts as away
  };

  /// `check` may block; it is called on the probe's thread only.
  explicit Probe(std::function<Result<void>()> check) : Probe(std::move(check), Times{}) {}
  Probe(std::function<Result<void>()> check, Times times);
  /// As stop().
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void start();
  /// No question any more. Does not wait. Any thread.
  void ask_to_stop();
  /// Waits for the check that is under way: end what it waits for before.
  void stop();
  /// Does not wait for the second to end. Any thread; does not block.
  void ask_now() noexcept;
  /// The last answer. Any thread; does not block.
  Result<void> answer() const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();

  const std::function<Result<void>()> check_;
  const Times times_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  Result<void> answer_;
  std::optional<Clock::time_point> asked_;  ///< a question is open since
  bool now_ = false;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace mtmsg::daemon
