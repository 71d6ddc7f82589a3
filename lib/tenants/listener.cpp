#include "tenants/listener.hpp"

#include <random>

#include "core/backoff.hpp"

namespace mtmsg::tenants {
namespace {

constexpr std::chrono::seconds kWait{60};

}  // namespace

Listener::~Listener() {
  stop();
}

void Listener::start() {
  thread_ = std::thread([this] { run(); });
}

void Listener::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  feed_->cancel();
  wake_.notify_all();
}

void Listener::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void Listener::run() {
  Backoff backoff;
  std::minstd_rand random{std::random_device{}()};
  for (;;) {
    const auto changes = feed_->wait(kWait);
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    if (changes.has_error()) {
      if (wake_.wait_for(lock, backoff.next(static_cast<std::uint32_t>(random())), [this] { return stopping_; }))
        return;
      continue;
    }
    lock.unlock();
    backoff = Backoff{};
    if (changes->gap) events_.gap();
    for (const auto tenant : changes->tenants) events_.changed(tenant);
  }
}

}  // namespace mtmsg::tenants
