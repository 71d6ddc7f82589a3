#pragma once

#include <chrono>

#include "store/pg/partition_name.hpp"
#include "store/pg/pool.hpp"
#include "store/tenant_store.hpp"

namespace mtmsg::store::pg {

/// How long a pool's transaction may take, as the beginning of every one: BEGIN and its limits in one round trip.
std::string begin_with_limits(std::chrono::milliseconds statement_timeout, const char* mode = "");
/// A transaction of one statement.
pqxx::result run_alone(Pool& pool, std::chrono::milliseconds statement_timeout, const std::string& sql,
                       const Params& params);
Error no_such_tenant(std::string_view which);

class PgTenantStore final : public TenantStore {
 public:
  /// `direct` is for sessions of its own (DETACH CONCURRENTLY can't run in a transaction).
  PgTenantStore(Pool& pool, ConnectionSettings direct, std::chrono::milliseconds statement_timeout)
      : pool_(pool), direct_(std::move(direct)), statement_timeout_(statement_timeout) {}

  Result<Tenant> create(const TenantRow& row) override;
  Result<std::optional<Tenant>> made_under(const IdempotencyKey& key) override;
  Result<std::vector<Tenant>> list() override;
  Result<TenantPage> page(const TenantQuery& query) override;
  Result<Tenant> find(TenantId id) override;
  Result<Tenant> find_by_name(std::string_view name) override;
  Result<std::vector<std::pair<Tenant, TenantCounts>>> list_counted() override;
  Result<TenantCounts> counts(const Reader& reader, TenantId id) override;
  Result<Tenant> update(TenantId id, const TenantUpdate& change) override;
  Result<Tenant> mark_active(TenantId id) override;
  Result<Tenant> mark_deleting(TenantId id, const Deletion& how) override;
  Result<Tenant> spare(TenantId id) override;
  Result<void> release(TenantId id, DaemonId self) override;
  Result<std::vector<Daemon>> holders(TenantId id) override;
  Result<std::vector<TenantId>> full(const TenantLimits& defaults) override;
  Result<std::vector<Orphan>> orphans() override;
  Result<void> ensure_partition(TenantId id) override;
  Result<void> remove_counter(TenantId id) override;
  Result<Detach> drop_partition(TenantId id, std::chrono::milliseconds patience) override;
  Result<Detach> keep_partition(TenantId id, std::chrono::milliseconds patience) override;
  Result<void> remove_row(TenantId id) override;

 private:
  pqxx::result run(const std::string& sql, const Params& params);
  Result<Tenant> set(TenantId id, const std::string& assignments, const std::string& condition, Params params,
                     const ExpectedVersions& expected = {});
  static Result<std::optional<Tenant>> made_under(const IdempotencyKey& key, Connection& connection);
  Result<Tenant> find_made(const TenantRow& row, Connection& connection);
  enum class Partition { drop, keep };
  Result<Detach> detach(TenantId id, std::chrono::milliseconds patience, Partition then);

  Pool& pool_;
  const ConnectionSettings direct_;
  const std::chrono::milliseconds statement_timeout_;
};

}  // namespace mtmsg::store::pg
