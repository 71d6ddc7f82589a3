#include <algorithm>
#include <thread>

#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

/// Making and dropping a tenant's partition. ATTACH and DETACH … CONCURRENTLY take a lock on its branch of `messages`
/// that stops neither readers nor writers (PostgreSQL manual, ALTER TABLE).
namespace mtmsg::store::pg {
namespace {

using Clock = std::chrono::steady_clock;

// One detacher at a time and branch: PostgreSQL refuses a second one (55000). The bytes of "mtde", and the branch.
constexpr const char* kDetachLock = "1836344421";
constexpr std::chrono::milliseconds kLockPoll{50};
/// So long a statement waits at first, and twice as long each time: FINALIZE holds a lock on the branch while it waits
/// for all older snapshots to go, and nobody can be attached there meanwhile; but where statements of a second overlap
/// without an end, only a longer wait sees all of them go.
constexpr std::chrono::milliseconds kFirstSlice{500};
constexpr std::chrono::milliseconds kBetweenSlices{100};

/// The wait was cut by our own limit, not by the server's going down. Two that finalise wait for each other's
/// snapshots: PostgreSQL ends one of them (40P01).
bool ran_out_of_patience(const SqlFailure& failure) {
  return failure.sqlstate() == "57014" || failure.sqlstate() == "55P03" || failure.sqlstate() == "40P01";
}

/// What is left of the call, but no more than a slice, as the limit of the next statement. Never 0: that would be none.
void set_limit(Connection& session, Clock::time_point deadline, std::chrono::milliseconds slice) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  session.exec("set statement_timeout = " +
               std::to_string(std::clamp(left, std::chrono::milliseconds(1), slice).count()));
}

std::string lock_key(TenantId id) {
  return std::string(kDetachLock) + ", " + std::to_string(id.value.bytes[0] >> 4);
}

bool try_lock(Connection& session, TenantId id, Clock::time_point deadline) {
  // Not pg_advisory_lock: the snapshot of a waiting statement would itself hold the other's detach up.
  for (;;) {
    const auto got = session.exec("select pg_try_advisory_lock(" + lock_key(id) + ")");
    if (text_of(got[0][0]) == "t") return true;
    if (Clock::now() + kLockPoll > deadline) return false;
    std::this_thread::sleep_for(kLockPoll);
  }
}

/// A daemon that froze while it had the lock would keep it: its session is idle, and its system still answers for it.
void end_frozen_detacher(Connection& session, TenantId id) {
  session.exec(
      "select pg_terminate_backend(a.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid join daemons d on "
      "a.application_name = 'mtmsgd ' || d.id where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and "
      "(l.classid::bigint, l.objid::bigint) = (" +
      lock_key(id) +
      ") and l.database = (select oid from pg_database where datname = current_database()) and d.beat_at < "
      "clock_timestamp() - interval '" +
      std::to_string(kSilence.count()) + " s'");
}

void finalize_pending(Connection& session, const std::string& branch, Clock::time_point deadline,
                      std::chrono::milliseconds slice) {
  const auto pending = session.exec(
      "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
      "where i.inhparent = $1::regclass and i.inhdetachpending",
      Params{branch});
  for (const auto& row : pending) {
    set_limit(session, deadline, slice);
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
    const auto detach_it = "alter table " + branch + " detach partition " + name + " concurrently";
    const auto finish = then == Partition::keep ? "alter table if exists " + name + " rename to " + kept_table(id)
                                                : "drop table if exists " + name;
    // A session of its own: it ends with this call, and the advisory lock with it.
    Connection session(direct_);
    if (!try_lock(session, id, deadline)) {
      end_frozen_detacher(session, id);
      return Detach::waiting;
    }
    for (auto slice = kFirstSlice;; slice *= 2) {
      try {
        finalize_pending(session, branch, deadline, slice);
        set_limit(session, deadline, slice);
        if (attached(session, id)) session.exec(detach_it);
        set_limit(session, deadline, slice);
        session.exec(finish);
        return Detach::done;
      } catch (const SqlFailure& failure) {
        // A detach that was cut stays pending; whoever calls next finalises it.
        if (!ran_out_of_patience(failure) || !session.alive()) throw;
      }
      if (Clock::now() + kBetweenSlices >= deadline) return Detach::waiting;
      std::this_thread::sleep_for(kBetweenSlices);
    }
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
