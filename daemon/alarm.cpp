#include "daemon/alarm.hpp"

#include <algorithm>
#include <utility>

namespace mtmsg::daemon {

Alarm::Alarm(std::function<void()> what) : what_(std::move(what)), thread_([this] { run(); }) {}

Alarm::~Alarm() {
  switch_off();
}

void Alarm::set(std::chrono::steady_clock::time_point when) {
  {
    const std::lock_guard lock(mutex_);
    when_ = std::min(when_, when);
  }
  changed_.notify_all();
}

void Alarm::ring() noexcept {
  set(std::chrono::steady_clock::time_point::min());
}

void Alarm::switch_off() {
  {
    const std::lock_guard lock(mutex_);
    off_ = true;
  }
  changed_.notify_all();
  const std::lock_guard lock(joining_);
  if (thread_.joinable()) thread_.join();
}

void Alarm::run() {
  std::unique_lock lock(mutex_);
  while (!off_) {
    if (std::chrono::steady_clock::now() >= when_) {
      lock.unlock();
      return what_();
    }
    if (when_ == std::chrono::steady_clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, when_);
    }
  }
}

}  // namespace mtmsg::daemon
