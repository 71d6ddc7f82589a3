#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/tenant.hpp"
#include "ingest/pipeline.hpp"
#include "store/tenant_store.hpp"
#include "tenants/depth_watch.hpp"

namespace mtmsg::tenants {

/// What is known of one tenant at a look over all of them.
struct TenantLook {
  Tenant tenant;
  std::optional<store::TenantCounts> counts;  ///< absent: the database could not be asked
  ingest::TenantActivity activity;
  std::optional<DepthWatch::Depth> depth;  ///< absent: not known
  bool full = false;                       ///< it keeps as many bytes as it may
};

/// Whether messages can wait in its queue: it has no consumer here, or one that has all it may take.
bool may_wait(const TenantLook& look) noexcept;

/// What follows from it, for people who watch. Pure.
struct Moves {
  std::string_view state;  ///< wire/activity.hpp has the words
  std::optional<std::uint64_t> ready;
  double in_per_second = 0;
  double out_per_second = 0;
  std::optional<double> lag_seconds;
};
enum class Servers { there, away };
Moves moves_of(const TenantLook& look, Servers servers) noexcept;

}  // namespace mtmsg::tenants
