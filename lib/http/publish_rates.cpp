#include "http/publish_rates.hpp"

#include <algorithm>

namespace mtmsg::http {

std::optional<TokenBucket::Wait> PublishRates::take(TenantId tenant, std::uint64_t rate) {
  if (rate == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  if (buckets_.size() >= sweep_at_) {
    std::erase_if(buckets_, [now](const auto& entry) { return entry.second.idle(now); });
    sweep_at_ = std::max(kFewest, 2 * buckets_.size());
  }
  return buckets_.try_emplace(tenant, now).first->second.take(rate, now);
}

std::size_t PublishRates::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace mtmsg::http
