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

namespace mtmsg::tenants {

/// A tenant with what it has stored and what moves at the moment.
struct TenantView {
  Tenant tenant;
  store::TenantCounts counts;
  std::optional<broker::QueueDepth> queue;  ///< absent when the broker is away or the queue is not there
  ingest::TenantActivity activity;
};

struct TenantLimits {
  unsigned default_workers = 3;
  unsigned max_workers = 64;
  unsigned batch = 500;
};

enum class Removal { done, in_progress };

/// What the API does with tenants. Any thread; calls block until the change has taken effect (or failed).
class TenantService {
 public:
  virtual ~TenantService() = default;

  /// Returns when the tenant can take messages: partition, exchange, queue and consumer stand. invalid_argument,
  /// conflict (the name exists; says which id), broker_unavailable / database_unavailable (what was begun is finished
  /// by the reconciler; the message says so).
  virtual Result<Tenant> create(const NewTenant& request) = 0;
  virtual Result<std::vector<Tenant>> list() = 0;
  /// By id or name. not_found.
  virtual Result<Tenant> find(std::string_view id_or_name) = 0;
  virtual Result<TenantView> view(const Tenant& tenant) = 0;
  /// Effective when it returns: share at once, prefetch by a new consumer. invalid_argument, not_found, conflict.
  virtual Result<Tenant> set_workers(TenantId tenant, unsigned workers) = 0;
  /// Stops the consumer, commits and acks what is in flight, deletes queue and exchange (waiting messages go with
  /// them), then the partition. `in_progress` when something outside holds the partition for more than 10 s: the
  /// reconciler goes on.
  virtual Result<Removal> remove(TenantId tenant) = 0;
  virtual const TenantLimits& limits() const = 0;
};

}  // namespace mtmsg::tenants
