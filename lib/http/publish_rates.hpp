#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/ids.hpp"
#include "http/token_bucket.hpp"

namespace mtmsg::http {

/// How fast each tenant publishes through this daemon's API (Limit::publish_rate). Any thread. Holds a bucket only for
/// tenants that published within the last moments, so that thousands of them cost nothing.
class PublishRates {
 public:
  using Clock = TokenBucket::Clock;

  explicit PublishRates(std::function<Clock::time_point()> now = Clock::now) : now_(std::move(now)) {}

  /// One more message; else how long until it may come. A rate of 0 bounds nothing.
  std::optional<TokenBucket::Wait> take(TenantId tenant, std::uint64_t rate);
  /// It was told to wait within the last moments.
  bool throttled(TenantId tenant) const;
  /// Tenants that are remembered.
  std::size_t size() const;

 private:
  /// Below it nothing is forgotten; a sweep's cost is shared by the tenants that came since the last.
  static constexpr std::size_t kFewest = 64;

  /// How long a refusal is remembered.
  static constexpr std::chrono::seconds kMoments{10};

  struct Entry {
    explicit Entry(Clock::time_point now) : bucket(now) {}
    TokenBucket bucket;
    std::optional<Clock::time_point> refused;
    bool recently_refused(Clock::time_point now) const { return refused && now - *refused < kMoments; }
  };

  const std::function<Clock::time_point()> now_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::unordered_map<TenantId, Entry> buckets_;
  std::size_t sweep_at_ = kFewest;
};

}  // namespace mtmsg::http
