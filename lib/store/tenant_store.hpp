#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "domain/tenant_query.hpp"
#include "store/presence.hpp"
#include "store/reader.hpp"

namespace mtmsg::store {

/// What is stored for a tenant, as its counter row says: no count(*).
struct TenantCounts {
  Sequence last_seq;              ///< number of messages ever stored
  Sequence oldest_seq;            ///< the lowest kept
  std::int64_t stored_bytes = 0;  ///< of the messages kept, as they were sent; an estimate once retention removed some
  std::int64_t dead_letters = 0;  ///< rows of dead_letters that are not replayed
  std::optional<Timestamp> last_created_at{};  ///< of the newest message; nothing: there never was one
};

enum class Detach { done, waiting };

/// A new row of `tenants`, decided.
struct TenantRow {
  std::string name;
  unsigned workers = 3;
  bool ordered = false;
  TenantLimits limits{};
  QueueArguments queue{};
  std::optional<IdempotencyKey> idempotency{};
};

/// How a tenant is to be deleted.
struct Deletion {
  bool if_empty = false;       ///< not if a message is stored or waits
  bool keep_messages = false;  ///< the partition stays, detached, under the name kept_table()
  ExpectedVersions expected{};
};

/// What stands in PostgreSQL for a tenant that has no row.
struct Orphan {
  TenantId tenant;
  bool partition = false;
  std::int64_t bytes = 0;         ///< of the partition, on disk
  std::int64_t dead_letters = 0;  ///< at most a thousand are counted
};

/// The rows of `tenants` and what hangs on them in PostgreSQL. Any thread; every call blocks for one short
/// transaction, except where said. Errors: database_unavailable, and those named.
class TenantStore {
 public:
  virtual ~TenantStore() = default;

  /// Row (state creating) and counter, in one transaction. With an idempotency key that made a tenant before: that one,
  /// whatever its state. conflict: the name is taken (the message says by which id), or the key was used for another
  /// request.
  virtual Result<Tenant> create(const TenantRow& row) = 0;
  /// What an earlier create() under this key made; conflict when that was another request.
  virtual Result<std::optional<Tenant>> made_under(const IdempotencyKey& key) = 0;
  virtual Result<std::vector<Tenant>> list() = 0;
  /// All of them with their counts, but those whose counter went already.
  virtual Result<std::vector<std::pair<Tenant, TenantCounts>>> list_counted() = 0;
  virtual Result<TenantPage> page(const TenantQuery& query) = 0;
  virtual Result<Tenant> find(TenantId id) = 0;                    ///< or not_found
  virtual Result<Tenant> find_by_name(std::string_view name) = 0;  ///< or not_found
  virtual Result<TenantCounts> counts(const Reader& reader, TenantId id) = 0;
  /// All of it or nothing: not_found; conflict while deleting; precondition_failed when it is in no expected version.
  /// Each change makes updated_at grow, whatever the clock says.
  virtual Result<Tenant> update(TenantId id, const TenantUpdate& change) = 0;
  virtual Result<Tenant> mark_active(TenantId id) = 0;  ///< conflict while deleting
  /// State deleting. One that is being deleted already goes on as it was asked to first, whatever is expected; else
  /// precondition_failed when it is in no expected version.
  virtual Result<Tenant> mark_deleting(TenantId id, const Deletion& how) = 0;
  /// Back to active: only of one that was to be deleted if it was empty, before anything was removed. Else conflict.
  virtual Result<Tenant> spare(TenantId id) = 0;

  /// This daemon has no consumer for the tenant any more, and nothing of it in hand.
  virtual Result<void> release(TenantId id, DaemonId self) = 0;
  /// Daemons that live (store/presence.hpp) and have not released it yet.
  virtual Result<std::vector<Daemon>> holders(TenantId id) = 0;

  /// Tenants that keep as many bytes as they may (Limit::max_stored_bytes).
  virtual Result<std::vector<TenantId>> full(const TenantLimits& defaults) = 0;
  /// Partitions and dead letters without a row of `tenants`, in the order of their ids.
  virtual Result<std::vector<Orphan>> orphans() = 0;

  // The steps of creating and deleting; each is idempotent, and none holds a lock that stops another tenant's inserts.

  /// CREATE TABLE (LIKE messages INCLUDING ALL), CHECK, ATTACH PARTITION to its branch; finishes one that was half
  /// done.
  virtual Result<void> ensure_partition(TenantId id) = 0;
  /// Removes the counter row: from now on no writer's transaction takes this tenant, and none that did is still open.
  virtual Result<void> remove_counter(TenantId id) = 0;
  /// DETACH PARTITION CONCURRENTLY and DROP, under an advisory lock (one detacher at a time and branch), finalising a
  /// half-done detach of any tenant of its branch first. `waiting` when something outside (a long transaction) holds it
  /// for longer than `patience`; nobody's create waits for as long as that. A daemon that froze with the lock loses it.
  virtual Result<Detach> drop_partition(TenantId id, std::chrono::milliseconds patience) = 0;
  /// The same without the DROP: the table is kept_table() then.
  virtual Result<Detach> keep_partition(TenantId id, std::chrono::milliseconds patience) = 0;
  /// Dead letters in small steps, then the row of `tenants`. Without a row (an orphan) just the dead letters.
  virtual Result<void> remove_row(TenantId id) = 0;
};

/// The name of a deleted tenant's table when its messages were kept.
std::string kept_table(TenantId id);

}  // namespace mtmsg::store
