#include "cmd/top/poller.hpp"

#include <chrono>

#include <sys/eventfd.h>
#include <unistd.h>

namespace mtmsg::ctl::top {
namespace {

/// An interruption that comes between two requests interrupts none, so there is another soon.
constexpr std::chrono::milliseconds kAgain{20};

}  // namespace

Poller::Poller(client::Client& client) : client_(client), answered_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (answered_ < 0) throw Failure(fail(ErrorCode::internal, "no event descriptor is left"));
  thread_ = std::thread([this] { run(); });
}

Poller::~Poller() {
  std::unique_lock lock(mutex_);
  over_ = true;
  wake_.notify_all();
  while (asking_) {
    client_.interrupt();
    wake_.wait_for(lock, kAgain);
  }
  lock.unlock();
  thread_.join();
  ::close(answered_);
}

void Poller::ask(const client::ActivityQuery& query) {
  {
    const std::lock_guard lock(mutex_);
    next_ = query;
  }
  wake_.notify_all();
}

std::optional<client::Call<wire::ActivityPage>> Poller::take() {
  eventfd_t rung = 0;
  eventfd_read(answered_, &rung);
  const std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

bool Poller::under_way() const {
  const std::lock_guard lock(mutex_);
  return asking_ || next_;
}

void Poller::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return over_ || next_; });
    if (over_) return;
    const auto query = *std::exchange(next_, std::nullopt);
    asking_ = true;
    lock.unlock();
    auto answer = client_.activity(query);
    lock.lock();
    asking_ = false;
    answer_.emplace(std::move(answer));
    eventfd_write(answered_, 1);
    wake_.notify_all();
  }
}

}  // namespace mtmsg::ctl::top
