#include "daemon/probe.hpp"

#include <utility>

namespace mtmsg::daemon {

Probe::Probe(std::function<Result<void>()> check, Times times)
    : check_(std::move(check)),
      times_(times),
      answer_(fail(ErrorCode::database_unavailable, "PostgreSQL has not answered yet")) {}

Probe::~Probe() {
  stop();
}

void Probe::start() {
  thread_ = std::thread([this] { run(); });
}

void Probe::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Probe::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void Probe::ask_now() noexcept {
  {
    const std::lock_guard lock(mutex_);
    now_ = true;
  }
  wake_.notify_all();
}

Result<void> Probe::answer() const {
  const std::lock_guard lock(mutex_);
  if (asked_ && answer_.has_value() && Clock::now() - *asked_ > times_.patience) {
    return fail(ErrorCode::database_unavailable, "PostgreSQL does not answer");
  }
  return answer_;
}

void Probe::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    now_ = false;
    asked_ = Clock::now();
    lock.unlock();
    auto answer = check_();
    lock.lock();
    answer_ = std::move(answer);
    asked_.reset();
    wake_.wait_for(lock, times_.every, [this] { return stopping_ || now_; });
  }
}

}  // namespace mtmsg::daemon
