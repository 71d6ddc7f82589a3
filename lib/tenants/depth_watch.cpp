#include "tenants/depth_watch.hpp"

#include <algorithm>
#include <unordered_set>

namespace mtmsg::tenants {

std::vector<TenantId> DepthWatch::due(const std::vector<TenantId>& worth_asking, std::size_t most) {
  const std::unordered_set<TenantId> wanted(worth_asking.begin(), worth_asking.end());
  std::erase_if(known_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  auto turn = worth_asking;
  const auto asked = [this](TenantId tenant) {
    const auto found = known_.find(tenant);
    return found == known_.end() ? 0 : found->second.turn;
  };
  const auto end = turn.begin() + static_cast<std::ptrdiff_t>(std::min(most, turn.size()));
  std::partial_sort(turn.begin(), end, turn.end(), [&](TenantId a, TenantId b) { return asked(a) < asked(b); });
  turn.erase(end, turn.end());
  for (const auto tenant : turn) known_[tenant].turn = ++turns_;
  return turn;
}

void DepthWatch::answered(TenantId tenant, std::uint64_t ready, std::uint32_t consumers, Clock::time_point now) {
  const auto found = known_.find(tenant);
  if (found == known_.end()) return;
  auto& known = found->second;
  Depth depth{ready, consumers, 0};
  if (known.depth && now > known.at) {
    const auto more = static_cast<double>(ready) - static_cast<double>(known.depth->ready);
    depth.growth_per_second = more / std::chrono::duration<double>(now - known.at).count();
  }
  known.depth = depth;
  known.at = now;
}

std::optional<DepthWatch::Depth> DepthWatch::find(TenantId tenant) const {
  const auto found = known_.find(tenant);
  return found == known_.end() ? std::nullopt : found->second.depth;
}

}  // namespace mtmsg::tenants
