#include "http/publish_rates.hpp"

#include <algorithm>

namespace mtmsg::http {

std::optional<TokenBucket::Wait> PublishRates::take(TenantId tenant, std::uint64_t rate) {
  if (rate == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  if (buckets_.size() >= sweep_at_) {
    std::erase_if(buckets_, [now](const auto& known) {
      const auto& entry = known.second;
      return entry.bucket.idle(now) && !entry.recently_refused(now);
    });
    sweep_at_ = std::max(kFewest, 2 * buckets_.size());
  }
  auto& entry = buckets_.try_emplace(tenant, now).first->second;
  const auto wait = entry.bucket.take(rate, now);
  if (wait) entry.refused = now;
  return wait;
}

bool PublishRates::throttled(TenantId tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = buckets_.find(tenant);
  return found != buckets_.end() && found->second.recently_refused(now_());
}

std::size_t PublishRates::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace mtmsg::http
