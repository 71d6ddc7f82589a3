#include "store/pg/retention_store.hpp"

#include "store/pg/partition_name.hpp"
#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

namespace mtmsg::store::pg {

Result<std::vector<Retained>> PgRetentionStore::retained(const TenantLimits& defaults) {
  return guard([&]() -> Result<std::vector<Retained>> {
    const auto found = run_alone(
        pool_, statement_timeout_,
        "select t.id, c.oldest_seq, c.last_seq, coalesce(t.retention_seconds, $1::bigint), "
        "coalesce(t.retention_messages, $2::bigint) from tenants t join tenant_counters c on c.tenant_id = t.id "
        "where t.state = 'active' and c.last_seq >= c.oldest_seq and (coalesce(t.retention_seconds, $1::bigint) > 0 or "
        "coalesce(t.retention_messages, $2::bigint) > 0)",
        Params{std::to_string(defaults.value(Limit::retention_seconds)),
               std::to_string(defaults.value(Limit::retention_messages))});
    std::vector<Retained> all;
    for (const auto& row : found)
      all.push_back({id_of<TenantId>(row[0]), Sequence{int_of(row[1])}, Sequence{int_of(row[2])},
                     std::chrono::seconds(int_of(row[3])), static_cast<std::uint64_t>(int_of(row[4]))});
    return all;
  });
}

Result<Removed> PgRetentionStore::remove_oldest(TenantId tenant, Sequence below, std::chrono::seconds age, int most) {
  return guard([&]() -> Result<Removed> {
    const auto id = tenant.to_string();
    const auto partition = partition_name(tenant);
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_));
    // Not waited for: whoever has it does the same.
    const auto mine = connection->exec(
        "select oldest_seq, last_seq, pg_try_advisory_xact_lock(hashtextextended('mtmsg retention ' || $1, 0)) from "
        "tenant_counters where tenant_id = $1::uuid",
        Params{id});
    if (mine.empty()) return no_such_tenant(id);
    Removed removed;
    const auto oldest = int_of(mine[0][0]);
    removed.oldest_seq.value = oldest;
    if (text_of(mine[0][2]) != "t") return removed;

    // created_at never goes down as the number goes up: the old ones are the first ones.
    std::string too_old = "false";
    const auto interval = "interval '" + std::to_string(age.count()) + " s'";
    if (age.count() > 0) too_old = "created_at < clock_timestamp() - " + interval;
    const auto gone = connection->exec(
        "with gone as (delete from " + partition +
            " where tenant_id = $1 and seq >= $2 and seq < $3 and (seq < $4 or " + too_old +
            ") returning seq) select count(*), coalesce(max(seq), 0) from gone",
        Params{id, std::to_string(oldest), std::to_string(oldest + most), std::to_string(below.value)});
    removed.messages = int_of(gone[0][0]);
    if (removed.messages > 0) removed.oldest_seq.value = int_of(gone[0][1]) + 1;
    if (age.count() > 0) {
      const auto next = connection->exec("select ceil(extract(epoch from created_at + " + interval +
                                             " - clock_timestamp()))::bigint from " + partition +
                                             " where tenant_id = $1 and seq >= $2 order by seq limit 1",
                                         Params{id, std::to_string(removed.oldest_seq.value)});
      if (!next.empty()) removed.next_in = std::chrono::seconds(int_of(next[0][0]));
    }
    // Last, so that the counter is held for no longer than a commit.
    if (removed.messages > 0)
      connection->exec(
          "update tenant_counters set oldest_seq = $2, stored_bytes = stored_bytes - round(stored_bytes * "
          "least(1.0, $3::numeric / greatest(1, last_seq - oldest_seq + 1)))::bigint where tenant_id = $1",
          Params{id, std::to_string(removed.oldest_seq.value), std::to_string(removed.messages)});
    transaction.commit();
    return removed;
  });
}

Result<std::int64_t> PgRetentionStore::remove_audit(std::chrono::seconds age, int most) {
  return guard([&]() -> Result<std::int64_t> {
    // Other daemons do the same: nobody waits.
    const auto gone = run_alone(pool_, statement_timeout_,
                                "delete from audit_log where seq in (select seq from audit_log where at < "
                                "clock_timestamp() - $1::bigint * interval '1 second' order by at limit $2::int "
                                "for update skip locked)",
                                Params{std::to_string(age.count()), std::to_string(most)});
    return static_cast<std::int64_t>(gone.affected_rows());
  });
}

}  // namespace mtmsg::store::pg
