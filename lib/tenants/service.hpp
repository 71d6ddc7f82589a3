#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/control.hpp"
#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "ingest/pipeline.hpp"
#include "store/tenant_store.hpp"
#include "tenants/explanation.hpp"

namespace mtmsg::tenants {

/// A tenant with what it has stored and what moves at the moment.
struct TenantView {
  Tenant tenant;
  store::TenantCounts counts;
  std::optional<broker::QueueDepth> queue;  ///< absent when the broker is away or the queue is not there
  TenantLimits limits;                      ///< those in force: its own, and the defaults
  bool full = false;                        ///< it keeps as many bytes as it may: its messages wait in the queue
  ingest::TenantActivity activity;
};

/// What the configuration says for all tenants.
struct TenantDefaults {
  unsigned workers = 3;
  unsigned max_workers = 64;
  unsigned batch = 500;
  TenantLimits limits;  ///< where a tenant's own say nothing; those that need a value have one
  QueueArguments queue;
};

enum class Removal { done, in_progress };

/// What stands in PostgreSQL or in the broker for a tenant that does not exist.
struct Orphan {
  store::Orphan stored;
  std::optional<broker::QueueDepth> queue;
};

/// What the API does with tenants. Any thread; calls block until the change has taken effect (or failed).
class TenantService {
 public:
  virtual ~TenantService() = default;

  /// Returns when the tenant can take messages: partition, exchange, queue and consumer stand. With an idempotency key
  /// that was used before: the tenant it made, finished if it was not. invalid_argument,
  /// conflict (the name exists; says which id), broker_unavailable / database_unavailable (what was begun is finished
  /// by the reconciler; the message says so).
  virtual Result<Tenant> create(const NewTenant& request) = 0;
  virtual Result<std::vector<Tenant>> list() = 0;
  virtual Result<TenantPage> page(const TenantQuery& query) = 0;
  /// By id or name. not_found.
  virtual Result<Tenant> find(std::string_view id_or_name) = 0;
  virtual Result<TenantView> view(const store::Reader& reader, const Tenant& tenant) = 0;
  /// As it was last seen, without the database; nothing: this daemon never saw it.
  virtual std::optional<Tenant> recall(std::string_view id_or_name) = 0;
  /// What may be why its messages don't arrive. What can't be found out is left open, so it always answers.
  enum class Database { asked, left_alone };
  virtual TenantFacts facts(const store::Reader& reader, const Tenant& tenant, Database database) = 0;
  /// Effective when it returns: share at once, prefetch by a new consumer, pause when nothing is in hand any more; for
  /// other daemons as soon as they hear of it. invalid_argument, not_found, conflict, precondition_failed; immutable
  /// for what RabbitMQ fixed (the message tells the way out).
  virtual Result<Tenant> update(TenantId tenant, const TenantUpdate& change) = 0;
  /// Stops the consumer, commits and acks what is in flight, deletes queue and exchange (waiting messages go with
  /// them), then the partition. `in_progress` when something outside holds the partition for more than 10 s: the
  /// reconciler goes on.
  ///
  /// With `if_empty` a conflict (and nothing changed) if a message is stored or waits, checked after every daemon has
  /// stopped consuming; with `keep_messages` the table stays as store::kept_table(). precondition_failed as
  /// TenantStore::mark_deleting.
  virtual Result<Removal> remove(TenantId tenant, const store::Deletion& how) = 0;
  virtual const TenantDefaults& defaults() const = 0;

  /// Partitions, dead letters and (for those, and for the `candidates`) queues without a tenant.
  virtual Result<std::vector<Orphan>> orphans(const std::vector<TenantId>& candidates) = 0;
  /// Removes all that stands for it. conflict when there is such a tenant.
  virtual Result<void> remove_orphan(TenantId tenant) = 0;
};

}  // namespace mtmsg::tenants
