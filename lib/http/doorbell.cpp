#include "http/doorbell.hpp"

#include <limits>
#include <unordered_set>

namespace mtmsg::http {

void Doorbell::start() {
  if (thread_.joinable()) return;
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
}

void Doorbell::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Doorbell::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, every_, [this] { return stopping_; })) {
    if (!waiters_.anybody()) continue;
    lock.unlock();
    look();
    lock.lock();
  }
}

void Doorbell::look() {
  const auto tenants = waiters_.waited_for();
  const auto numbers = messages_.last_numbers(tenants);
  if (!numbers) return;
  std::unordered_set<TenantId> gone(tenants.begin(), tenants.end());
  for (const auto& [tenant, last] : *numbers) {
    gone.erase(tenant);
    waiters_.ring(tenant, last);
  }
  // They look, and are told that there is no such tenant.
  for (const auto tenant : gone) waiters_.ring(tenant, Sequence{std::numeric_limits<std::int64_t>::max()});
}

}  // namespace mtmsg::http
