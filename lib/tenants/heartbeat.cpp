#include "tenants/heartbeat.hpp"

namespace mtmsg::tenants {
namespace {

constexpr std::chrono::seconds kBeat{2};
static_assert(3 * kBeat < store::kSilence, "two beats may fail");

}  // namespace

Heartbeat::~Heartbeat() {
  stop();
}

void Heartbeat::start() {
  (void)presence_.beat(self_);
  const std::lock_guard lock(mutex_);
  if (stopping_ || thread_.joinable()) return;
  thread_ = std::thread([this] { run(); });
}

void Heartbeat::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Heartbeat::run() {
  bool known = false;
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    known = presence_.beat(self_).has_value();
    lock.lock();
  } while (!wake_.wait_for(lock, kBeat, [this] { return stopping_; }));
  // Who could not say that he is here needs no farewell, and would wait for a database that is away.
  if (known) (void)presence_.leave(self_.id);
}

}  // namespace mtmsg::tenants
