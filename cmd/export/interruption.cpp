#include "cmd/export/interruption.hpp"

#include <csignal>
#include <ctime>

namespace mtmsg::ctl {
namespace {

// A wake-up that comes between two requests wakes nobody, so there is another soon.
constexpr std::chrono::milliseconds kAgain{50};

/// As if it had never been watched: whoever sends it twice does not want to wait for what hangs.
void end_process(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  std::raise(signal);
}

}  // namespace

Interruption::Interruption(std::function<void()> wake) : wake_(std::move(wake)) {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGINT);
  sigaddset(&watched_, SIGTERM);
  // Threads made from here on inherit it, so nobody but the watcher gets them.
  pthread_sigmask(SIG_BLOCK, &watched_, &blocked_before_);
  thread_ = std::thread([this] { watch(); });
}

Interruption::~Interruption() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &blocked_before_, nullptr);
}

bool Interruption::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return requested(); });
}

void Interruption::watch() {
  const timespec moment{0, std::chrono::nanoseconds(kAgain).count()};
  while (true) {
    const int caught = sigtimedwait(&watched_, nullptr, &moment);
    const std::lock_guard lock(mutex_);
    if (over_) return;
    if (caught > 0) {
      if (signal_ != 0) end_process(caught);
      signal_ = caught;
      changed_.notify_all();
    }
    if (signal_ != 0) wake_();
  }
}

}  // namespace mtmsg::ctl
