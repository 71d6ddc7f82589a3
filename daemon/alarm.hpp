#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace mtmsg::daemon {

/// Does something once, on a thread of its own: at the moment it was set to, or when somebody rings. Never, when it is
/// switched off before. Any thread.
class Alarm {
 public:
  explicit Alarm(std::function<void()> what);
  /// As switch_off().
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(std::chrono::steady_clock::time_point when);
  void ring() noexcept;
  /// Waits for what is being done. Idempotent.
  void switch_off();

 private:
  void run();

  const std::function<void()> what_;
  std::mutex mutex_;  ///< guards when_, off_
  std::condition_variable changed_;
  std::chrono::steady_clock::time_point when_ = std::chrono::steady_clock::time_point::max();
  bool off_ = false;
  std::mutex joining_;
  std::thread thread_;  ///< last: it uses everything above
};

}  // namespace mtmsg::daemon
