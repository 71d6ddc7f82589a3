#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/message.hpp"
#include "store/reader.hpp"

namespace mtmsg::store {

/// What went with a message that was erased.
struct Erased {
  std::int64_t dead_letters = 0;  ///< those under its id
};

/// Reads, and the one change there is to a message. Any thread; blocks for one short transaction. Each query names one
/// tenant and is planned for it, so its cost does not grow with the number of tenants.
class MessageStore {
 public:
  virtual ~MessageStore() = default;

  /// Promise: a reader that went through all pages up to N has seen every message up to N, and none will appear below.
  /// One snapshot. next_cursor of an empty page is the cursor given, or what retention removed last if it is below.
  /// Errors: not_found (no such tenant, or one that is being deleted), database_unavailable.
  virtual Result<Page> page(const Reader& reader, TenantId tenant, const PageQuery& query) = 0;
  /// The last number given in each of these tenants, in any order; without those that are not there. One query.
  virtual Result<std::vector<std::pair<TenantId, Sequence>>> last_numbers(const std::vector<TenantId>& tenants) = 0;
  /// not_found when there is no message of this id.
  virtual Result<StoredMessage> get(const Reader& reader, TenantId tenant, MessageId id) = 0;
  /// Removes what its sender wrote, payload and headers, for good: also from a dead letter under its id. The row keeps
  /// number and id, so cursors go on and another delivery stays a duplicate. Erased before: nothing changes.
  /// not_found; timeout (somebody else holds the tenant's counter for long).
  virtual Result<Erased> erase(TenantId tenant, MessageId id) = 0;
};

}  // namespace mtmsg::store
