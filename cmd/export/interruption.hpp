#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <signal.h>

namespace mtmsg::ctl {

/// SIGINT and SIGTERM, for as long as it lives: instead of ending the process they end what it waits for. One thread
/// makes it and asks it; a second signal ends the process after all. `wake` is called on a thread of its own, again and
/// again from the signal on.
class Interruption {
 public:
  explicit Interruption(std::function<void()> wake);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  bool requested() const noexcept { return signal_ != 0; }
  /// 0: none yet.
  int signal() const noexcept { return signal_; }
  /// True when the time passed, false when it was interrupted.
  bool sleep(std::chrono::milliseconds time);

 private:
  void watch();

  std::function<void()> wake_;
  sigset_t blocked_before_{};
  sigset_t watched_{};
  std::atomic<int> signal_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace mtmsg::ctl
