#include <thread>

#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

/// Making and dropping a tenant's partition. ATTACH and DETACH … CONCURRENTLY take a lock on its branch of `messages`
/// that stops neither readers nor writers (PostgreSQL manual, ALTER TABLE).
namespace mtmsg::store::pg {
namespace {

using Clock = std::chrono::steady_clock;

// One detacher at a time: PostgreSQL refuses a second one on the same branch (55000), and one that finalises waits for
// the snapshots of all others. The bytes of "mtdet".
constexpr const char* kDetachLock = "469853037940";
constexpr std::chrono::milliseconds kLockPoll{50};

/// The wait was cut by our own limit, not by the server's going down.
bool ran_out_of_patience(const SqlFailure& failure) {
  return failure.sqlstate() == "57014" || failure.sqlstate() == "55P03";
}

/// What is left, as the limit of the next statement. Never 0: that would be none.
void set_limit(Connection& session, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  session.exec("set statement_timeout = " + std::to_string(std::max<std::int64_t>(1, left)));
}

bool try_lock(Connection& session, Clock::time_point deadline) {
  // Not pg_advisory_lock: the snapshot of a waiting statement would itself hold the other's detach up.
  for (;;) {
    const auto got = session.exec("select pg_try_advisory_lock(" + std::string(kDetachLock) + ")");
    if (text_of(got[0][0]) == "t") return true;
    if (Clock::now() + kLockPoll > deadline) return false;
    std::this_thread::sleep_for(kLockPoll);
  }
}

void finalize_pending(Connection& session, const std::string& branch, Clock::time_point deadline) {
  const auto pending = session.exec(
      "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
      "where i.inhparent = $1::regclass and i.inhdetachpending",
      Params{branch});
  for (const auto& row : pending) {
    set_limit(session, deadline);
    session.exec("alter table " + branch + " detach partition \"" + std::string(text_of(row[0])) + "\" finalize");
  }
}

bool attached(Connection& session, TenantId id) {
  const auto found =
      session.exec("select 1 from pg_inherits where inhparent = $1::regclass and inhrelid = to_regclass($2)",
                   Params{branch_name(id), partition_name(id)});
  return !found.empty();
}

}  // namespace

Result<void> PgTenantStore::ensure_partition(TenantId id) {
  return guard([&]() -> Result<void> {
    const auto name = partition_name(id);
    const auto key = "'" + id.to_string() + "'";
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_));
    // Two daemons that make the same partition would meet in the catalog as a unique violation. Then, under the lock,
    // no partition is made for a tenant whose deletion has begun: nobody would come to drop it.
    connection->exec("select pg_advisory_xact_lock(hashtextextended($1, 0))", Params{name});
    const auto state = connection->exec("select state from tenants where id = $1 for share", Params{id.to_string()});
    if (state.empty()) return fail(ErrorCode::not_found, "tenant " + id.to_string() + " does not exist");
    if (text_of(state[0][0]) == "deleting")
      return fail(ErrorCode::conflict, "tenant " + id.to_string() + " is being deleted");
    if (attached(*connection, id)) return {};

    // The CHECK lets ATTACH skip its scan.
    const auto constraint = name + "_tenant";
    connection->exec("create table if not exists " + name +
                     " (like messages including all); "
                     "alter table " +
                     name + " drop constraint if exists " + constraint + ", add constraint " + constraint +
                     " check (tenant_id = " + key +
                     "); "
                     "alter table " +
                     branch_name(id) + " attach partition " + name + " for values in (" + key + ")");
    transaction.commit();
    return {};
  });
}

Result<Detach> PgTenantStore::drop_partition(TenantId id, std::chrono::milliseconds patience) {
  return detach(id, patience, Partition::drop);
}

Result<Detach> PgTenantStore::keep_partition(TenantId id, std::chrono::milliseconds patience) {
  return detach(id, patience, Partition::keep);
}

Result<Detach> PgTenantStore::detach(TenantId id, std::chrono::milliseconds patience, Partition then) {
  return guard([&]() -> Result<Detach> {
    const auto deadline = Clock::now() + patience;
    const auto name = partition_name(id);
    const auto branch = branch_name(id);
    // A session of its own: it ends with this call, and the advisory lock with it.
    Connection session(direct_);
    if (!try_lock(session, deadline)) return Detach::waiting;
    try {
      finalize_pending(session, branch, deadline);
      set_limit(session, deadline);
      if (attached(session, id)) session.exec("alter table " + branch + " detach partition " + name + " concurrently");
      if (then == Partition::keep)
        session.exec("alter table if exists " + name + " rename to " + kept_table(id));
      else
        session.exec("drop table if exists " + name);
    } catch (const SqlFailure& failure) {
      // A detach that was cut stays pending; whoever calls next finalises it.
      if (ran_out_of_patience(failure) && session.alive()) return Detach::waiting;
      throw;
    }
    return Detach::done;
  });
}

Result<std::vector<Orphan>> PgTenantStore::orphans() {
  return guard([&]() -> Result<std::vector<Orphan>> {
    // A partition is known by its name: one that is half detached, or was made and not attached yet, counts, too.
    const auto found = run(
        "with tables as (select substr(relname, 10)::uuid as id, pg_total_relation_size(oid) as bytes from pg_class "
        "where relkind = 'r' and relname ~ '^messages_[0-9a-f]{32}$' and relnamespace = (select relnamespace from "
        "pg_class where oid = 'messages'::regclass)), "
        // Distinct tenants of dead_letters by one step through the index for each.
        "letters as (with recursive walk as ((select tenant_id from dead_letters order by tenant_id limit 1) union all "
        "select (select d.tenant_id from dead_letters d where d.tenant_id > w.tenant_id order by d.tenant_id limit 1) "
        "from walk w where w.tenant_id is not null) select tenant_id as id from walk where tenant_id is not null) "
        "select o.id, o.stands, o.bytes, (select count(*) from (select from dead_letters d where d.tenant_id = o.id "
        "limit 1000) n) from (select id, t.id is not null as stands, coalesce(t.bytes, 0) as bytes from tables t full "
        "join letters l using (id)) o where not exists (select from tenants where tenants.id = o.id) order by o.id",
        {});
    std::vector<Orphan> all;
    for (const auto& row : found)
      all.push_back({id_of<TenantId>(row[0]), text_of(row[1]) == "t", int_of(row[2]), int_of(row[3])});
    return all;
  });
}

}  // namespace mtmsg::store::pg

namespace mtmsg::store {

std::string kept_table(TenantId id) {
  return "kept_" + pg::partition_name(id);
}

}  // namespace mtmsg::store
