#include "store/pg/batch_store.hpp"

#include <algorithm>

#include "store/pg/array_text.hpp"
#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"
#include "store/presence.hpp"

namespace mtmsg::store::pg {
namespace {

// Longer than a healthy transaction of another writer takes; short, because all tenants of the batch wait meanwhile.
constexpr const char* kLockTimeout = "2s";
// For one that was held the last time. Longer than a peer's ordinary transaction, which it may be.
constexpr const char* kShortLockTimeout = "100ms";
constexpr std::string_view kLockNotAvailable = "55P03";
constexpr int kMaxCopies = 3;
// After an attempt of unknown outcome, or a duplicate nobody announced, more of the kind are likely.
constexpr unsigned kSuspectBatches = 8;
// A statement's parameters, before they are written as hex.
constexpr std::size_t kMaxStatementBytes = 16U << 20;
// The body of a dead letter may have as many bytes as the broker takes, and as a parameter it would be written as hex
// and copied by libpqxx and libpq, which keeps the room: from here on it goes ahead, in pieces.
constexpr std::size_t kLargeBody = 1U << 20;
constexpr std::size_t kMaxDetailBytes = 500;

[[noreturn]] void throw_internal(std::string message) {
  throw Failure(Error{ErrorCode::internal, std::move(message)});
}

/// For each group of consecutive items whose bodies fit one statement.
template <class Items, class BytesOf, class Work>
void in_chunks(const Items& items, BytesOf&& bytes_of, Work&& work) {
  for (std::size_t begin = 0; begin < items.size();) {
    std::size_t bytes = 0;
    auto end = begin;
    while (end < items.size() && (end == begin || bytes + bytes_of(items[end]) <= kMaxStatementBytes))
      bytes += bytes_of(items[end++]);
    work(begin, end);
    begin = end;
  }
}

}  // namespace

Result<std::vector<TenantOutcome>> PgBatchStore::store(const Batch& batch) {
  return guard([&]() -> Result<std::vector<TenantOutcome>> {
    try {
      return run(batch);
    } catch (const Failure& failure) {
      suspect(batch);
      if (connection_ && !(connection_->alive() && connection_->idle())) disconnect();
      auto error = failure.error();
      // That nothing of ours could be stored is never the verdict over a message.
      if (error.code == ErrorCode::database_rejected) error.code = ErrorCode::internal;
      return error;
    }
  });
}

void PgBatchStore::cancel() noexcept {
  cancelled_ = true;
  const std::lock_guard lock(mutex_);
  if (interrupter_) interrupter_->interrupt();
}

void PgBatchStore::connect() {
  // An idle connection that the server closed meanwhile is not worth an error.
  if (connection_ && !connection_->alive()) disconnect();
  if (!connection_) {
    connection_ = std::make_unique<Connection>(settings_);
    const std::lock_guard lock(mutex_);
    interrupter_ = connection_->interrupter();
  }
  // After publishing the interrupter: a cancel() from now on finds it, an earlier one is seen here.
  if (cancelled_) throw Failure(Error{ErrorCode::database_unavailable, "storing was cancelled"});
}

void PgBatchStore::disconnect() noexcept {
  {
    const std::lock_guard lock(mutex_);
    interrupter_.reset();
  }
  connection_.reset();
}

std::vector<TenantOutcome> PgBatchStore::run(const Batch& batch) {
  BatchPlan plan(batch, rows_);
  connect();
  const auto transaction = begin(plan);
  drop_stored(plan, false);
  write(plan);
  count_and_commit(plan);
  for (const auto& tenant : plan.tenants()) {
    const auto known = suspects_.find(tenant.id);
    if (known != suspects_.end() && --known->second == 0) suspects_.erase(known);
  }
  return plan.outcomes();
}

std::unique_ptr<Transaction> PgBatchStore::begin(BatchPlan& plan) {
  const auto& tenants = plan.tenants();
  const bool known_to_be_held = tenants.size() == 1 && held_.contains(tenants.front().id);
  std::unique_ptr<Transaction> transaction;
  try {
    const auto* limit = known_to_be_held ? kShortLockTimeout : kLockTimeout;
    transaction = std::make_unique<Transaction>(*connection_, begin_and_lock(plan, limit, ""));
  } catch (const SqlFailure& failure) {
    if (failure.sqlstate() != kLockNotAvailable) throw;
  }
  const bool waited_in_vain = !transaction;
  if (waited_in_vain) {
    end_frozen_daemons();
    transaction = std::make_unique<Transaction>(*connection_, begin_and_lock(plan, kLockTimeout, " skip locked"));
  }
  take_locks(plan, transaction->first());
  if (waited_in_vain) find_held(plan);
  if (!held_.empty()) {
    for (const auto& tenant : tenants)
      if (tenant.taken()) held_.erase(tenant.id);
  }
  return transaction;
}

std::string PgBatchStore::begin_and_lock(const BatchPlan& plan, const char* lock_timeout, const char* skip) const {
  std::string sql = begin_with_limits(statement_timeout_) +
                    "; set local synchronous_commit = on; set local lock_timeout = '" + lock_timeout +
                    "'; select tenant_id, last_seq, " + micros("greatest(clock_timestamp(), last_created_at)") +
                    ", stored_bytes from (select tenant_id, last_seq, last_created_at, stored_bytes from "
                    "tenant_counters where tenant_id in (";
  for (const auto& tenant : plan.tenants()) sql += quoted(tenant.id) + ",";
  // The subquery locks; only then is the clock read, for each row, above it.
  sql += "null) order by tenant_id for update";
  return sql + skip + ") locked";
}

void PgBatchStore::find_held(BatchPlan& plan) {
  std::string ids;
  for (const auto& tenant : plan.tenants())
    if (!tenant.taken()) ids += (ids.empty() ? "" : ",") + quoted(tenant.id);
  std::unordered_set<TenantId> held;
  if (!ids.empty())
    for (const auto& row : connection_->exec("select tenant_id from tenant_counters where tenant_id in (" + ids + ")"))
      held.insert(id_of<TenantId>(row[0]));
  for (std::size_t i = 0; i < plan.tenants().size(); ++i) {
    if (held.contains(plan.tenants()[i].id)) hold(plan, i);
  }
}

void PgBatchStore::hold(BatchPlan& plan, std::size_t tenant) {
  plan.held_by_others(tenant);
  held_.insert(plan.tenants()[tenant].id);
}

void PgBatchStore::end_frozen_daemons() {
  connection_->exec(
      "select pg_terminate_backend(a.pid) from daemons d join pg_stat_activity a on a.application_name = "
      "'mtmsgd ' || d.id where d.beat_at < clock_timestamp() - interval '" +
      std::to_string(kSilence.count()) +
      " s' and a.datname = current_database() and a.xact_start is not null and a.application_name <> "
      "current_setting('application_name')");
}

void PgBatchStore::take_locks(BatchPlan& plan, const pqxx::result& locked) const {
  std::unordered_map<TenantId, std::size_t> index;
  for (std::size_t i = 0; i < plan.tenants().size(); ++i) index.emplace(plan.tenants()[i].id, i);
  for (const auto& row : locked)
    plan.locked(index.at(id_of<TenantId>(row[0])), Sequence{int_of(row[1])}, time_of(row[2]), int_of(row[3]));
}

bool PgBatchStore::suspects(const BatchPlan& plan, const BatchPlan::Tenant& tenant) const {
  if (suspects_.contains(tenant.id)) return true;
  return std::any_of(plan.entries().begin() + static_cast<std::ptrdiff_t>(tenant.begin),
                     plan.entries().begin() + static_cast<std::ptrdiff_t>(tenant.end),
                     [](const auto& entry) { return entry.message->redelivered; });
}

void PgBatchStore::suspect(const Batch& batch) {
  for (const auto& part : batch) suspects_[part.tenant] = kSuspectBatches;
}

void PgBatchStore::drop_stored(BatchPlan& plan, bool all_tenants) {
  // Never part of the locking statement: that one's snapshot is older than the lock it waited for, and would not see
  // what the transaction that held the lock has stored.
  std::string sql;
  for (std::size_t i = 0; i < plan.tenants().size(); ++i) {
    const auto& tenant = plan.tenants()[i];
    if (!tenant.taken() || !(all_tenants || suspects(plan, tenant))) continue;
    std::string ids;
    for (auto entry = tenant.begin; entry < tenant.end; ++entry)
      if (plan.entries()[entry].fate != BatchPlan::Fate::refused)
        ids += (ids.empty() ? "'" : ",'") + plan.entries()[entry].message->id.to_string() + "'::uuid";
    if (ids.empty()) continue;
    if (!sql.empty()) sql += " union all ";
    sql += "select " + std::to_string(i) + ", id from messages where tenant_id = " + quoted(tenant.id) +
           " and id = any (array[" + ids + "])";
  }
  if (sql.empty()) return;
  for (const auto& row : connection_->exec(sql))
    plan.stored_before(static_cast<std::size_t>(int_of(row[0])), id_of<MessageId>(row[1]));
}

void PgBatchStore::write(BatchPlan& plan) {
  // Again without those whose letters are held; the others have none.
  for (;;) {
    const bool has_savepoint = copy(plan);
    const auto letters = plan.dead_letters();
    const auto redeemed = plan.redeemed();
    if (letters.empty() && redeemed.empty()) return;
    if (!has_savepoint) connection_->exec("savepoint rows");
    try {
      record_dead_letters(letters);
      redeem_dead_letters(redeemed);
      return;
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate() != kLockNotAvailable) throw;
    }
    connection_->exec("rollback to savepoint rows");
    std::unordered_set<TenantId> held;
    for (const auto& letter : letters) held.insert(letter.tenant);
    for (const auto& each : redeemed) held.insert(each.tenant);
    for (std::size_t i = 0; i < plan.tenants().size(); ++i) {
      if (held.contains(plan.tenants()[i].id)) hold(plan, i);
    }
  }
}

bool PgBatchStore::copy(BatchPlan& plan) {
  const std::string copy = "copy messages (" + std::string(CopyRows::kColumns) + ") from stdin (format binary)";
  int attempt = 1;
  for (; plan.settle() > 0; ++attempt) {
    try {
      connection_->copy_in((attempt == 1 ? "savepoint rows; " : "") + copy, rows_.parts());
      return true;
    } catch (const SqlFailure& failure) {
      mend(plan, failure, attempt);
    }
  }
  return attempt > 1;
}

void PgBatchStore::mend(BatchPlan& plan, const SqlFailure& failure, int attempt) {
  const auto& state = failure.sqlstate();
  if (state == kLockNotAvailable && attempt < kMaxCopies) {
    connection_->exec("rollback to savepoint rows");
    if (!hold_locked_partitions(plan)) throw SqlFailure(failure);
    return;
  }
  if (failure.error().code != ErrorCode::database_rejected || attempt == kMaxCopies) throw SqlFailure(failure);
  connection_->exec("rollback to savepoint rows");  // keeps the counters' locks
  if (state == "23514") report_missing_partitions(plan);
  if (state == "23505") {
    const auto before = plan.settle();
    drop_stored(plan, true);
    if (plan.settle() == before) throw SqlFailure(failure);  // not an id: the counter is behind its own messages
    for (const auto& tenant : plan.tenants()) suspects_[tenant.id] = kSuspectBatches;
    return;
  }
  ask_about_rows(plan, failure);
}

bool PgBatchStore::hold_locked_partitions(BatchPlan& plan) {
  // What conflicts with ROW EXCLUSIVE (PostgreSQL manual, "Table-Level Locks"), also of those who wait before us.
  const auto locked = connection_->exec(
      "select distinct c.relname from pg_locks l join pg_class c on c.oid = l.relation or c.oid = (select i.indrelid "
      "from "
      "pg_index i where i.indexrelid = l.relation) where l.pid <> pg_backend_pid() and l.mode in ('ShareLock', "
      "'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') and l.database = (select oid from pg_database "
      "where datname = current_database())");
  std::unordered_set<std::string_view> names;
  for (const auto& row : locked) names.insert(text_of(row[0]));
  bool found = false;
  for (std::size_t i = 0; i < plan.tenants().size(); ++i) {
    const auto& tenant = plan.tenants()[i];
    const bool held = names.contains(partition_name(tenant.id)) || names.contains(branch_name(tenant.id));
    if (tenant.kept == 0 || !held) continue;
    hold(plan, i);
    found = true;
  }
  return found;
}

void PgBatchStore::ask_about_rows(BatchPlan& plan, const SqlFailure& failure) {
  const auto open = plan.open_entries();
  const auto message_of = [&](std::size_t i) -> const IncomingMessage& { return *plan.entries()[open[i]].message; };
  bool found = false;
  const auto bytes_of = [&](std::size_t entry) {
    return plan.entries()[entry].message->payload.size() + plan.entries()[entry].message->headers.size();
  };
  in_chunks(open, bytes_of, [&](std::size_t begin, std::size_t end) {
    ArrayText payloads;
    ArrayText headers;
    for (auto i = begin; i < end; ++i) {
      payloads.add_bytes(message_of(i).payload);
      headers.add_bytes(message_of(i).headers.empty() ? std::string_view("{}") : message_of(i).headers);
    }
    const auto bad =
        connection_->exec("select row_index, refusal_state, refusal from mtmsg_check_rows($1::bytea[], $2::bytea[])",
                          Params{payloads.take(), headers.take()});
    for (const auto& row : bad) {
      found = true;
      plan.refused(open[begin + static_cast<std::size_t>(int_of(row[0])) - 1],
                   Refusal{DeadReason::rejected_by_database, printable(text_of(row[2]), kMaxDetailBytes),
                           std::string(text_of(row[1]))});
    }
  });
  if (!found) throw SqlFailure(failure);
}

void PgBatchStore::report_missing_partitions(const BatchPlan& plan) {
  const auto found = connection_->exec(
      "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
      "where i.inhparent in (select inhrelid from pg_inherits where inhparent = 'messages'::regclass) and not "
      "i.inhdetachpending");
  std::vector<std::string> attached;
  for (const auto& row : found) attached.emplace_back(text_of(row[0]));
  std::string missing;
  for (const auto& tenant : plan.tenants()) {
    if (tenant.kept == 0 || std::ranges::find(attached, partition_name(tenant.id)) != attached.end()) continue;
    missing += (missing.empty() ? "" : ", ") + tenant.id.to_string();
  }
  throw_internal("the partition of messages is missing for tenant " + (missing.empty() ? "(unknown)" : missing));
}

void PgBatchStore::record_dead_letters(const std::vector<BatchPlan::DeadLetter>& letters) {
  const auto is_large = [](const BatchPlan::DeadLetter& letter) { return letter.message->payload.size() > kLargeBody; };
  const auto bytes_of = [&](const BatchPlan::DeadLetter& letter) {
    const auto bytes = letter.message->payload.size() + letter.message->headers.size();
    return is_large(letter) ? kMaxStatementBytes + bytes : bytes;  // alone in its statement
  };
  in_chunks(letters, bytes_of, [&](std::size_t begin, std::size_t end) {
    const bool large = is_large(letters[begin]);
    if (large) send_large_body(letters[begin].message->payload);
    ArrayText tenants, ids, reasons, details, states, deliveries, arrivals, bodies, headers, exchanges, routing_keys,
        published;
    for (auto i = begin; i < end; ++i) {
      const auto& [tenant, message, refusal, times] = letters[i];
      tenants.add(tenant.value);
      ids.add(message->id.value);
      reasons.add_text(to_string(refusal->reason));
      details.add_text(printable(refusal->detail, kMaxDetailBytes));
      refusal->sqlstate.empty() ? states.add_null() : states.add_text(printable(refusal->sqlstate, 5));
      deliveries.add(std::int64_t{message->deliveries} + std::max(times, 1U) - 1);
      arrivals.add(std::int64_t{times});
      bodies.add_bytes(large ? std::string_view() : message->payload);
      headers.add_bytes(message->headers);
      exchanges.add_bytes(message->exchange);
      routing_keys.add_bytes(message->routing_key);
      const auto time = storable(message->published_at);
      time ? published.add(time->time_since_epoch().count()) : published.add_null();
    }
    ArrayText refused_bodies;
    for (const auto reason : {DeadReason::invalid_json, DeadReason::rejected_by_database, DeadReason::too_large})
      refused_bodies.add_text(to_string(reason));
    // All under the counters' locks, so that nothing appears between the update and the insert. A letter that is known
    // counts the arrival, and becomes what came now if it was replayed, or what came has another reason or another
    // body: the sender mended it. Only a body that was refused displaces none that wasn't. What was tried again (no
    // arrival) gives its letter the new reason. Tries that were counted for one reason count for no other.
    // Those known are looked up one by one: joined plainly, PostgreSQL read the whole table for it each time (37 of 42
    // ms with 40,000 letters).
    const std::string incoming =
        std::string("with incoming as (select i.tenant_id, i.id, i.reason, i.detail, i.sqlstate, i.deliveries, ") +
        "i.arrivals, " + (large ? "(select l.body from pg_temp.large_body l)" : "i.body") +
        " as body, i.headers, i.exchange, i.routing_key, i.published, i.place from unnest($1::uuid[], $2::uuid[], "
        "$3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[], $10::bytea[], "
        "$11::bytea[], $12::bigint[]) with ordinality as i (tenant_id, id, reason, detail, sqlstate, deliveries, "
        "arrivals, body, headers, exchange, routing_key, published, place)), ";
    static const std::string sql =
        "known as (select d.tenant_id, d.id, d.replayed_at is not null as replayed, d.reason <> "
        "i.reason as other, case when d.replayed_at is not null then true when i.arrivals = 0 then d.body = i.body "
        "when d.body = i.body then d.reason <> i.reason else i.reason <> all ($13::text[]) or d.reason = any "
        "($13::text[]) end as renewed, d.replayed_at is not null or i.arrivals > 0 as arrived "
        "from incoming i cross join lateral (select l.* from dead_letters l where l.tenant_id = i.tenant_id and l.id = "
        "i.id limit 1) d), "
        "again as (update dead_letters d set deliveries = d.deliveries + i.arrivals, "
        "reason = case when k.renewed then i.reason else d.reason end, "
        "detail = case when k.renewed then i.detail else d.detail end, "
        "sqlstate = case when k.renewed then i.sqlstate else d.sqlstate end, "
        "body = case when k.renewed and k.arrived then i.body else d.body end, "
        "headers = case when k.renewed and k.arrived then i.headers else d.headers end, "
        "exchange = case when k.renewed and k.arrived then i.exchange else d.exchange end, "
        "routing_key = case when k.renewed and k.arrived then i.routing_key else d.routing_key end, "
        "published_at = case when k.renewed and k.arrived then timestamptz 'epoch' + i.published * interval "
        "'1 microsecond' else d.published_at end, "
        "failed_at = case when k.renewed then clock_timestamp() else d.failed_at end, replayed_at = null, "
        "tries = case when k.renewed and k.arrived and (k.replayed or k.other) then 0 else d.tries end, "
        "tried_at = case when k.renewed and k.arrived and (k.replayed or k.other) then null else d.tried_at end "
        "from incoming i join known k on k.tenant_id = i.tenant_id and k.id = i.id "
        "where d.tenant_id = i.tenant_id and d.id = i.id), "
        "fresh as (select i.*, row_number() over (partition by i.tenant_id order by i.place) as n from incoming i "
        "where not exists (select from known k where k.tenant_id = i.tenant_id and k.id = i.id)), "
        "news as (select tenant_id, sum(fresh) as fresh, sum(letters) as letters from (select tenant_id, 1 as fresh, 1 "
        "as letters from fresh union all select tenant_id, 0, 1 from known where replayed) n group by tenant_id), "
        "counted as (update tenant_counters c set last_dead_seq = c.last_dead_seq + n.fresh, "
        "dead_letters = c.dead_letters + n.letters from news n "
        "where c.tenant_id = n.tenant_id returning c.tenant_id, c.last_dead_seq - n.fresh as base) "
        "insert into dead_letters (tenant_id, seq, id, reason, detail, sqlstate, deliveries, body, headers, exchange, "
        "routing_key, published_at) select f.tenant_id, c.base + f.n, f.id, f.reason, f.detail, f.sqlstate, "
        "f.deliveries, f.body, f.headers, f.exchange, f.routing_key, "
        "timestamptz 'epoch' + f.published * interval '1 microsecond' "
        "from fresh f join counted c on c.tenant_id = f.tenant_id";
    connection_->exec(incoming + sql,
                      Params{tenants.take(), ids.take(), reasons.take(), details.take(), states.take(),
                             deliveries.take(), arrivals.take(), bodies.take(), headers.take(), exchanges.take(),
                             routing_keys.take(), published.take(), refused_bodies.take()});
  });
}

void PgBatchStore::send_large_body(std::string_view body) {
  connection_->exec(
      "create temporary table if not exists large_body (body bytea) on commit drop; "
      "truncate pg_temp.large_body");
  const CopyBytes row(body);
  connection_->copy_in("copy pg_temp.large_body from stdin (format binary)", row.parts());
}

void PgBatchStore::redeem_dead_letters(const std::vector<BatchPlan::Redeemed>& redeemed) {
  std::string replayed;
  std::string gone;
  for (const auto& [tenant, message] : redeemed) {
    auto& list = message->source == Source::replay ? replayed : gone;
    const auto letter = message->record.value_or(message->id);
    list += (list.empty() ? "(" : ", (") + quoted(tenant) + "::uuid, '" + letter.to_string() + "'::uuid)";
  }
  const auto redeem = [&](const std::string& list, const std::string& change) {
    if (list.empty()) return;
    connection_->exec("with letters as (" + change + " in (values " + list +
                      ") and replayed_at is null returning tenant_id) update tenant_counters c set dead_letters = "
                      "c.dead_letters - n.letters from (select tenant_id, count(*) as letters from letters group by "
                      "tenant_id) n where c.tenant_id = n.tenant_id");
  };
  redeem(replayed, "update dead_letters set replayed_at = clock_timestamp() where (tenant_id, id)");
  redeem(gone, "delete from dead_letters where (tenant_id, id)");
}

void PgBatchStore::count_and_commit(const BatchPlan& plan) {
  std::string rows;
  for (const auto& tenant : plan.tenants()) {
    if (tenant.kept == 0) continue;
    rows += (rows.empty() ? "(" : ", (") + quoted(tenant.id) + "::uuid, " +
            std::to_string(tenant.last_seq.value + tenant.kept) + "::bigint, " +
            std::to_string(tenant.created_at.time_since_epoch().count()) + "::bigint, " +
            std::to_string(tenant.kept_bytes) + "::bigint)";
  }
  std::string sql;
  if (!rows.empty())
    sql =
        "update tenant_counters c set last_seq = v.last_seq, stored_bytes = c.stored_bytes + v.bytes, "
        "last_created_at = timestamptz 'epoch' + v.created_at * interval '1 microsecond' from (values " +
        rows + ") v (tenant_id, last_seq, created_at, bytes) where c.tenant_id = v.tenant_id; ";
  connection_->exec(sql + "commit");
}

}  // namespace mtmsg::store::pg
