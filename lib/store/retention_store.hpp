#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/limits.hpp"

namespace mtmsg::store {

/// A tenant whose messages are not kept for ever.
struct Retained {
  TenantId tenant;
  Sequence oldest_seq;  ///< the lowest kept
  Sequence last_seq;
  std::chrono::seconds age{0};    ///< older messages go; 0: none for their age
  std::uint64_t most_messages{};  ///< the oldest beyond it go; 0: none for their number
};

/// What a step removed.
struct Removed {
  std::int64_t messages = 0;
  Sequence oldest_seq;  ///< afterwards
  /// When the oldest message left will be too old; absent when there is none, or no age.
  std::optional<std::chrono::seconds> next_in;
};

/// Removes messages that are past their tenant's retention. Any thread; errors: database_unavailable, and those named.
class RetentionStore {
 public:
  virtual ~RetentionStore() = default;

  /// One statement, whatever the number of tenants. `defaults`: where a tenant's own limits say nothing.
  virtual Result<std::vector<Retained>> retained(const TenantLimits& defaults) = 0;
  /// At most `most` of the tenant's oldest messages, those below `below` or older than `age` (0: whatever their age),
  /// in one short transaction that takes the tenant's counter only for its end. Another daemon at the same tenant:
  /// nothing. not_found when the tenant is being deleted.
  virtual Result<Removed> remove_oldest(TenantId tenant, Sequence below, std::chrono::seconds age, int most) = 0;
  /// At most `most` of the oldest entries of the audit log that are older than `age`; how many it were.
  virtual Result<std::int64_t> remove_audit(std::chrono::seconds age, int most) = 0;
};

}  // namespace mtmsg::store
