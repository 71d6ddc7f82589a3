#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"

namespace mtmsg::tenants {

/// Which queues are worth asking the broker for their depth, and what it answered. A consumer that could take more has
/// an empty queue behind it: only where there is none, or where it has all it may take, can messages wait. So with
/// thousands of tenants at rest nobody is asked; of those worth it a bounded number at a time, the longest unasked
/// first. Pure; one thread.
class DepthWatch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Depth {
    std::uint64_t ready = 0;
    std::uint32_t consumers = 0;
    double growth_per_second = 0;  ///< since it was asked before
  };

  /// Of the tenants worth asking, those whose turn it is; what is known of all others is forgotten.
  std::vector<TenantId> due(const std::vector<TenantId>& worth_asking, std::size_t most);
  void answered(TenantId tenant, std::uint64_t ready, std::uint32_t consumers, Clock::time_point now);
  /// What it answered last; nothing: it was not asked, or could not answer.
  std::optional<Depth> find(TenantId tenant) const;

 private:
  struct Known {
    std::uint64_t turn = 0;  ///< when it was asked last, counted in questions
    std::optional<Depth> depth;
    Clock::time_point at{};
  };
  std::unordered_map<TenantId, Known> known_;
  std::uint64_t turns_ = 0;
};

}  // namespace mtmsg::tenants
