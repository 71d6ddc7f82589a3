#include "store/pg/tenant_store.hpp"

#include "store/pg/array_text.hpp"
#include "store/pg/reading.hpp"
#include "store/pg/rows.hpp"

namespace mtmsg::store::pg {
namespace {

std::string limit_columns() {
  std::string all;
  for (const auto& row : limit_rows()) all += ", " + std::string(row.name);
  return all;
}

const std::string& tenant_columns() {
  static const std::string all =
      "id, name, state, workers, paused, ordered, queue_type, delivery_limit, "
      "delete_if_empty, keep_messages, " +
      micros("created_at") + ", " + micros("updated_at") + limit_columns();
  return all;
}

template <class Field>
std::optional<std::uint64_t> maybe_count_of(const Field& field) {
  return field.is_null() ? std::nullopt : std::optional(static_cast<std::uint64_t>(int_of(field)));
}

template <class Row>
Tenant tenant_of(const Row& row) {
  Tenant tenant;
  tenant.id = id_of<TenantId>(row[0]);
  tenant.name = text_of(row[1]);
  const auto state = tenant_state_from(text_of(row[2]));
  if (!state) throw Failure(Error{ErrorCode::internal, "tenant " + tenant.name + " is in a state nobody knows"});
  tenant.state = *state;
  tenant.workers = static_cast<unsigned>(int_of(row[3]));
  tenant.paused = text_of(row[4]) == "t";
  tenant.ordered = text_of(row[5]) == "t";
  if (!row[6].is_null()) tenant.queue.quorum = text_of(row[6]) == "quorum";
  if (const auto limit = maybe_count_of(row[7])) tenant.queue.delivery_limit = static_cast<std::uint32_t>(*limit);
  tenant.delete_if_empty = text_of(row[8]) == "t";
  tenant.keep_messages = text_of(row[9]) == "t";
  tenant.created_at = time_of(row[10]);
  tenant.updated_at = time_of(row[11]);
  for (const auto& limit : limit_rows())
    tenant.limits[limit.limit] = maybe_count_of(row[static_cast<int>(12 + static_cast<int>(limit.limit))]);
  return tenant;
}

std::string count_columns() {
  return "last_seq, oldest_seq, stored_bytes, dead_letters, " + micros("nullif(last_created_at, '-infinity')");
}

template <class Row>
TenantCounts counts_of(const Row& row, int first) {
  return {Sequence{int_of(row[first])}, Sequence{int_of(row[first + 1])}, int_of(row[first + 2]),
          int_of(row[first + 3]), maybe_time_of(row[first + 4])};
}

std::optional<std::string> text_or_null(const std::optional<std::uint64_t>& number) {
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

// The row's version: it grows whatever the clock does, as the SET of an UPDATE sees the row it has locked.
constexpr const char* kTouch = "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')";

/// `column in (…)` for a list of times.
std::string any_of(const std::vector<Timestamp>& versions) {
  ArrayText micros_of;
  for (const auto version : versions) micros_of.add(version.time_since_epoch().count());
  return micros("updated_at") + " = any('" + micros_of.take() + "'::bigint[])";
}

// Rows are deleted in steps of this size, so that no transaction is long.
constexpr int kDeadLettersAtOnce = 1000;

}  // namespace

std::string begin_with_limits(std::chrono::milliseconds statement_timeout, const char* mode) {
  const auto limit = std::to_string(statement_timeout.count());
  return "begin " + std::string(mode) + "; set local statement_timeout = " + limit +
         "; set local idle_in_transaction_session_timeout = " + limit;
}

pqxx::result run_alone(Pool& pool, std::chrono::milliseconds statement_timeout, const std::string& sql,
                       const Params& params) {
  const auto connection = pool.acquire();
  Transaction transaction(*connection, begin_with_limits(statement_timeout));
  auto result = connection->exec(sql, params);
  transaction.commit();
  return result;
}

Error no_such_tenant(std::string_view which) {
  return fail(ErrorCode::not_found, "tenant " + std::string(which) + " does not exist");
}

pqxx::result PgTenantStore::run(const std::string& sql, const Params& params) {
  return run_alone(pool_, statement_timeout_, sql, params);
}

Result<Tenant> PgTenantStore::create(const TenantRow& row) {
  return guard([&]() -> Result<Tenant> {
    const TenantId id{Uuid::v4()};
    Params params{id.to_string(), row.name, std::to_string(row.workers), row.ordered ? "t" : "f"};
    params.push_back(row.queue.quorum ? std::optional<std::string>(*row.queue.quorum ? "quorum" : "classic")
                                      : std::nullopt);
    params.push_back(row.queue.delivery_limit ? std::optional(std::to_string(*row.queue.delivery_limit))
                                              : std::nullopt);
    params.push_back(row.idempotency ? std::optional(row.idempotency->key) : std::nullopt);
    params.push_back(row.idempotency ? std::optional(row.idempotency->fingerprint) : std::nullopt);
    std::string places;
    for (const auto& limit : limit_rows()) {
      params.push_back(text_or_null(row.limits[limit.limit]));
      places += ", $" + std::to_string(params.size());
    }
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_));
    const auto made = connection->exec(
        "insert into tenants (id, name, workers, ordered, queue_type, delivery_limit, idempotency_key, "
        "idempotency_fingerprint" +
            limit_columns() + ") values ($1, $2, $3, $4, $5, $6, $7, $8" + places +
            ") on conflict do nothing returning " + tenant_columns(),
        params);
    if (made.empty()) return find_made(row, *connection);
    connection->exec("insert into tenant_counters (tenant_id) values ($1)", Params{id.to_string()});
    transaction.commit();
    return tenant_of(made[0]);
  });
}

Result<std::optional<Tenant>> PgTenantStore::made_under(const IdempotencyKey& key) {
  return guard([&] { return made_under(key, *pool_.acquire()); });
}

Result<std::optional<Tenant>> PgTenantStore::made_under(const IdempotencyKey& key, Connection& connection) {
  const auto before = connection.exec(
      "select " + tenant_columns() + ", idempotency_fingerprint from tenants where idempotency_key = $1",
      Params{key.key});
  if (before.empty()) return std::optional<Tenant>{};
  const auto fingerprint = text_of(before[0][static_cast<int>(12 + kLimitCount)]);
  if (fingerprint == key.fingerprint) return std::optional(tenant_of(before[0]));
  return fail(ErrorCode::conflict, "the idempotency key " + key.key +
                                       " was used for another request, which made tenant " +
                                       std::string(text_of(before[0][0])));
}

// The name or the key is taken.
Result<Tenant> PgTenantStore::find_made(const TenantRow& row, Connection& connection) {
  if (row.idempotency) {
    const auto made = made_under(*row.idempotency, connection);
    if (made.has_error()) return made.error();
    if (*made) return **made;
  }
  const auto owner = connection.exec("select id, state from tenants where name = $1", Params{row.name});
  std::string by = owner.empty() ? std::string("another tenant") : "tenant " + std::string(text_of(owner[0][0]));
  if (!owner.empty() && text_of(owner[0][1]) == "deleting") by += ", which is being deleted";
  return fail(ErrorCode::conflict, "the name " + row.name + " is taken by " + by);
}

Result<std::vector<Tenant>> PgTenantStore::list() {
  return guard([&]() -> Result<std::vector<Tenant>> {
    std::vector<Tenant> all;
    for (const auto& row : run("select " + tenant_columns() + " from tenants order by name", {}))
      all.push_back(tenant_of(row));
    return all;
  });
}

Result<TenantPage> PgTenantStore::page(const TenantQuery& query) {
  return guard([&]() -> Result<TenantPage> {
    Params params{query.cursor};
    std::string conditions = "name > $1";
    const auto demand = [&](const std::string& condition, std::string value) {
      params.push_back(std::move(value));
      conditions += " and " + condition + " $" + std::to_string(params.size());
    };
    if (query.state) demand("state =", std::string(to_string(*query.state)));
    if (query.paused) demand("paused =", *query.paused ? "t" : "f");
    if (!query.name_prefix.empty()) {
      // As a range, which the index on names serves; '~' stands behind all that a name is made of.
      demand("name >=", query.name_prefix);
      demand("name <", query.name_prefix + "~");
    }
    const auto micros_of = [](Timestamp time) { return std::to_string(time.time_since_epoch().count()); };
    if (query.since) demand(micros("created_at") + " >=", micros_of(*query.since));
    if (query.until) demand(micros("created_at") + " <", micros_of(*query.until));
    // One row more than asked for tells whether there are more.
    const auto rows = run("select " + tenant_columns() + " from tenants where " + conditions + " order by name limit " +
                              std::to_string(query.limit + 1),
                          params);
    TenantPage page;
    page.next_cursor = query.cursor;
    for (const auto& row : rows) {
      page.has_more = page.data.size() == query.limit;
      if (page.has_more) break;
      page.data.push_back(tenant_of(row));
      page.next_cursor = page.data.back().name;
    }
    return page;
  });
}

Result<Tenant> PgTenantStore::find(TenantId id) {
  return guard([&]() -> Result<Tenant> {
    const auto found = run("select " + tenant_columns() + " from tenants where id = $1", Params{id.to_string()});
    if (found.empty()) return no_such_tenant(id.to_string());
    return tenant_of(found[0]);
  });
}

Result<Tenant> PgTenantStore::find_by_name(std::string_view name) {
  return guard([&]() -> Result<Tenant> {
    // What could never be a name needs no question, and might be no text for PostgreSQL either.
    if (!check_tenant_name(name)) return fail(ErrorCode::not_found, "no tenant has this name");
    const auto found = run("select " + tenant_columns() + " from tenants where name = $1", Params{std::string(name)});
    if (found.empty()) return no_such_tenant(name);
    return tenant_of(found[0]);
  });
}

Result<std::vector<std::pair<Tenant, TenantCounts>>> PgTenantStore::list_counted() {
  return guard([&]() -> Result<std::vector<std::pair<Tenant, TenantCounts>>> {
    std::vector<std::pair<Tenant, TenantCounts>> all;
    const auto rows = run("select " + tenant_columns() + ", " + count_columns() +
                              " from tenants join tenant_counters on tenant_id = id order by name",
                          {});
    all.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) all.emplace_back(tenant_of(row), counts_of(row, static_cast<int>(12 + kLimitCount)));
    return all;
  });
}

Result<TenantCounts> PgTenantStore::counts(const Reader& reader, TenantId id) {
  return guard_read(reader, [&]() -> Result<TenantCounts> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_read(statement_timeout_, reader) + "; select " + count_columns() +
                                             " from tenant_counters where tenant_id = " + quoted(id));
    const auto& found = transaction.first();
    transaction.commit();
    if (found.empty()) return no_such_tenant(id.to_string());
    return counts_of(found[0], 0);
  });
}

Result<Tenant> PgTenantStore::set(TenantId id, const std::string& assignments, const std::string& condition,
                                  Params params, const ExpectedVersions& expected) {
  return guard([&]() -> Result<Tenant> {
    params.insert(params.begin(), id.to_string());
    // In the one statement that changes it: between a look and the change somebody else may be quicker.
    const auto wanted = expected ? " and (state = 'deleting' or " + any_of(*expected) + ")" : std::string();
    const auto changed = run("update tenants set " + assignments + ", " + kTouch + " where id = $1 and (" + condition +
                                 ")" + wanted + " returning " + tenant_columns(),
                             params);
    if (!changed.empty()) return tenant_of(changed[0]);
    const auto current = find(id);
    if (!current) return current.error();
    if (current->state != TenantState::deleting && expected) return precondition_failed(*current);
    return fail(ErrorCode::conflict, "tenant " + current->name + " is " + std::string(to_string(current->state)) +
                                         (current->state == TenantState::deleting ? ": it can't be changed any more"
                                                                                  : ": it is not being deleted"));
  });
}

Result<Tenant> PgTenantStore::update(TenantId id, const TenantUpdate& change) {
  Params params;
  std::string assignments;
  const auto assign = [&](std::string_view column, std::optional<std::string> value) {
    params.push_back(std::move(value));
    // $1 is the id.
    assignments += (assignments.empty() ? "" : ", ") + std::string(column) + " = $" + std::to_string(params.size() + 1);
  };
  if (change.workers) assign("workers", std::to_string(*change.workers));
  if (change.paused) assign("paused", *change.paused ? "t" : "f");
  for (const auto& [limit, value] : change.limits) assign(row_of(limit).name, text_or_null(value));
  if (assignments.empty()) return find(id);
  return set(id, assignments, "state <> 'deleting'", std::move(params), change.expected);
}

Result<Tenant> PgTenantStore::mark_active(TenantId id) {
  return set(id, "state = 'active'", "state <> 'deleting'", {});
}

Result<Tenant> PgTenantStore::mark_deleting(TenantId id, const Deletion& how) {
  return set(id,
             "state = 'deleting', delete_if_empty = case when state = 'deleting' then delete_if_empty else $2 end, "
             "keep_messages = case when state = 'deleting' then keep_messages else $3 end",
             "true", Params{how.if_empty ? "t" : "f", how.keep_messages ? "t" : "f"}, how.expected);
}

Result<Tenant> PgTenantStore::spare(TenantId id) {
  return guard([&]() -> Result<Tenant> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_));
    const auto spared = connection->exec(
        "update tenants set state = 'active', delete_if_empty = false, keep_messages = false, " + std::string(kTouch) +
            " where id = $1 and state = 'deleting' and delete_if_empty and exists (select from tenant_counters where "
            "tenant_id = $1) returning " +
            tenant_columns(),
        Params{id.to_string()});
    if (spared.empty()) return fail(ErrorCode::conflict, "tenant " + id.to_string() + " is beyond being spared");
    connection->exec("delete from tenant_releases where tenant_id = $1", Params{id.to_string()});
    transaction.commit();
    return tenant_of(spared[0]);
  });
}

Result<void> PgTenantStore::release(TenantId id, DaemonId self) {
  return guard([&]() -> Result<void> {
    // Not for a row that is gone: somebody else has finished.
    run("insert into tenant_releases (tenant_id, daemon_id) select id, $2 from tenants where id = $1 and state = "
        "'deleting' on conflict do nothing",
        Params{id.to_string(), self.to_string()});
    return {};
  });
}

Result<std::vector<Daemon>> PgTenantStore::holders(TenantId id) {
  return guard([&]() -> Result<std::vector<Daemon>> {
    std::vector<Daemon> all;
    const auto found =
        run("select d.id, d.host, d.pid, d.version from daemons d where d.beat_at >= clock_timestamp() - interval '" +
                std::to_string(kSilence.count()) +
                " s' and not exists (select from tenant_releases r where r.tenant_id = $1 and r.daemon_id = d.id) "
                "order by d.id",
            Params{id.to_string()});
    for (const auto& row : found)
      all.push_back({id_of<DaemonId>(row[0]), std::string(text_of(row[1])), static_cast<int>(int_of(row[2])),
                     std::string(text_of(row[3]))});
    return all;
  });
}

Result<std::vector<TenantId>> PgTenantStore::full(const TenantLimits& defaults) {
  return guard([&]() -> Result<std::vector<TenantId>> {
    std::vector<TenantId> all;
    const auto found = run(
        "select t.id from tenants t join tenant_counters c on c.tenant_id = t.id where coalesce(t.max_stored_bytes, "
        "$1::bigint) > 0 and c.stored_bytes >= coalesce(t.max_stored_bytes, $1::bigint)",
        Params{std::to_string(defaults.value(Limit::max_stored_bytes))});
    for (const auto& row : found) all.push_back(id_of<TenantId>(row[0]));
    return all;
  });
}

Result<void> PgTenantStore::remove_counter(TenantId id) {
  return guard([&]() -> Result<void> {
    // Waits for the row lock of every transaction that stores for this tenant.
    run("delete from tenant_counters where tenant_id = $1", Params{id.to_string()});
    return {};
  });
}

Result<void> PgTenantStore::remove_row(TenantId id) {
  return guard([&]() -> Result<void> {
    const auto current = run("select state from tenants where id = $1", Params{id.to_string()});
    if (!current.empty() && text_of(current[0][0]) != "deleting")
      return fail(ErrorCode::conflict, "tenant " + id.to_string() + " is not being deleted");
    const std::string step =
        "delete from dead_letters where tenant_id = $1 and seq in (select seq from dead_letters "
        "where tenant_id = $1 order by seq limit " +
        std::to_string(kDeadLettersAtOnce) + ")";
    while (run(step, Params{id.to_string()}).affected_rows() > 0) {
    }
    run("delete from tenants where id = $1 and state = 'deleting'", Params{id.to_string()});
    return {};
  });
}

}  // namespace mtmsg::store::pg
