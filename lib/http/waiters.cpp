#include "http/waiters.hpp"

#include <algorithm>
#include <utility>

namespace mtmsg::http {

Waiters::Place::Place(Key, Waiters& waiters, TenantId tenant) : waiters_(waiters), tenant_(tenant) {
  auto& places = waiters_.tenants_[tenant_].places;
  self_ = places.insert(places.end(), this);
  ++waiters_.count_;
}

Waiters::Place::~Place() {
  const std::lock_guard lock(waiters_.mutex_);
  const auto tenant = waiters_.tenants_.find(tenant_);
  tenant->second.places.erase(self_);
  if (tenant->second.places.empty()) waiters_.tenants_.erase(tenant);
  --waiters_.count_;
}

void Waiters::Place::await(Sequence after, Call call) {
  const std::lock_guard lock(waiters_.mutex_);
  after_ = after;
  call_ = std::move(call);
  if (waiters_.tenants_.at(tenant_).heard > after) std::exchange(call_, {})();
}

Sequence Waiters::Place::heard() const {
  const std::lock_guard lock(waiters_.mutex_);
  return waiters_.tenants_.at(tenant_).heard;
}

std::shared_ptr<Waiters::Place> Waiters::take(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(tenant);
  const auto own = found == tenants_.end() ? 0 : found->second.places.size();
  if (count_ >= most_ || own >= std::max<std::size_t>(1, most_ / 2)) return nullptr;
  return std::make_shared<Place>(Place::Key{}, *this, tenant);
}

void Waiters::ring(TenantId id, Sequence last) noexcept {
  if (count_ == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(id);
  if (found == tenants_.end()) return;
  auto& tenant = found->second;
  if (last <= tenant.heard) return;
  tenant.heard = last;
  for (auto* place : tenant.places)
    if (place->call_ && last > place->after_) std::exchange(place->call_, {})();
}

std::vector<TenantId> Waiters::waited_for() const {
  const std::lock_guard lock(mutex_);
  std::vector<TenantId> all;
  all.reserve(tenants_.size());
  for (const auto& [id, tenant] : tenants_) all.push_back(id);
  return all;
}

}  // namespace mtmsg::http
