#pragma once

#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/tenant.hpp"

namespace mtmsg::store {

/// What is stored for a tenant, as its counter row says: no count(*).
struct TenantCounts {
  Sequence last_seq;              ///< number of messages ever stored
  Sequence oldest_seq;            ///< the lowest kept
  std::int64_t dead_letters = 0;  ///< rows of dead_letters that are not replayed
};

enum class Detach { done, waiting };

/// The rows of `tenants` and what hangs on them in PostgreSQL. Any thread; every call blocks for one short
/// transaction, except where said. Errors: database_unavailable, and those named.
class TenantStore {
 public:
  virtual ~TenantStore() = default;

  /// Row (state creating) and counter, in one transaction. conflict: the name is taken (the message says by which id).
  virtual Result<Tenant> create(const std::string& name, unsigned workers) = 0;
  virtual Result<std::vector<Tenant>> list() = 0;
  virtual Result<Tenant> find(TenantId id) = 0;                    ///< or not_found
  virtual Result<Tenant> find_by_name(std::string_view name) = 0;  ///< or not_found
  virtual Result<TenantCounts> counts(TenantId id) = 0;
  virtual Result<Tenant> set_workers(TenantId id, unsigned workers) = 0;  ///< or not_found; conflict while deleting
  virtual Result<Tenant> set_state(TenantId id,
                                   TenantState state) = 0;  ///< deleting is final: leaving it is a conflict

  // The steps of creating and deleting; each is idempotent, and none holds a lock that stops another tenant's inserts.

  /// CREATE TABLE (LIKE messages INCLUDING ALL), CHECK, ATTACH PARTITION; finishes one that was half done.
  virtual Result<void> ensure_partition(TenantId id) = 0;
  /// Removes the counter row: from now on no writer's transaction takes this tenant, and none that did is still open.
  virtual Result<void> remove_counter(TenantId id) = 0;
  /// DETACH PARTITION CONCURRENTLY and DROP, under an advisory lock (one detacher at a time), finalising a half-done
  /// detach of any tenant first. `waiting` when something outside (a long transaction) holds it for longer than
  /// `patience`.
  virtual Result<Detach> drop_partition(TenantId id, std::chrono::milliseconds patience) = 0;
  /// Dead letters in small steps, then the row of `tenants`.
  virtual Result<void> remove_row(TenantId id) = 0;
};

}  // namespace mtmsg::store
