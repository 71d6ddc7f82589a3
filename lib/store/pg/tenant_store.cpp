#include "store/pg/tenant_store.hpp"

#include "store/pg/rows.hpp"

namespace mtmsg::store::pg {
namespace {

const std::string& columns() {
  static const std::string all =
      "id, name, state, workers, paused, ordered, " + micros("created_at") + ", " + micros("updated_at");
  return all;
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
  tenant.created_at = time_of(row[6]);
  tenant.updated_at = time_of(row[7]);
  return tenant;
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

Result<Tenant> PgTenantStore::create(const std::string& name, unsigned workers) {
  return guard([&]() -> Result<Tenant> {
    const TenantId id{Uuid::v4()};
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_));
    const auto made = connection->exec(
        "insert into tenants (id, name, workers) values ($1, $2, $3) on conflict (name) do nothing returning " +
            columns(),
        Params{id.to_string(), name, std::to_string(workers)});
    if (made.empty()) {
      const auto owner = connection->exec("select id, state from tenants where name = $1", Params{name});
      std::string by = owner.empty() ? std::string("another tenant") : "tenant " + std::string(text_of(owner[0][0]));
      if (!owner.empty() && text_of(owner[0][1]) == "deleting") by += ", which is being deleted";
      return fail(ErrorCode::conflict, "the name " + name + " is taken by " + by);
    }
    connection->exec("insert into tenant_counters (tenant_id) values ($1)", Params{id.to_string()});
    transaction.commit();
    return tenant_of(made[0]);
  });
}

Result<std::vector<Tenant>> PgTenantStore::list() {
  return guard([&]() -> Result<std::vector<Tenant>> {
    std::vector<Tenant> all;
    for (const auto& row : run("select " + columns() + " from tenants order by name", {}))
      all.push_back(tenant_of(row));
    return all;
  });
}

Result<Tenant> PgTenantStore::find(TenantId id) {
  return guard([&]() -> Result<Tenant> {
    const auto found = run("select " + columns() + " from tenants where id = $1", Params{id.to_string()});
    if (found.empty()) return no_such_tenant(id.to_string());
    return tenant_of(found[0]);
  });
}

Result<Tenant> PgTenantStore::find_by_name(std::string_view name) {
  return guard([&]() -> Result<Tenant> {
    // What could never be a name needs no question, and might be no text for PostgreSQL either.
    if (!check_tenant_name(name)) return fail(ErrorCode::not_found, "no tenant has this name");
    const auto found = run("select " + columns() + " from tenants where name = $1", Params{std::string(name)});
    if (found.empty()) return no_such_tenant(name);
    return tenant_of(found[0]);
  });
}

Result<TenantCounts> PgTenantStore::counts(TenantId id) {
  return guard([&]() -> Result<TenantCounts> {
    const auto found = run("select last_seq, oldest_seq, dead_letters from tenant_counters where tenant_id = $1",
                           Params{id.to_string()});
    if (found.empty()) return no_such_tenant(id.to_string());
    return TenantCounts{Sequence{int_of(found[0][0])}, Sequence{int_of(found[0][1])}, int_of(found[0][2])};
  });
}

Result<Tenant> PgTenantStore::update(TenantId id, const std::string& assignment, const std::string& condition,
                                     const Params& params) {
  return guard([&]() -> Result<Tenant> {
    const auto changed = run("update tenants set " + assignment + ", updated_at = now() where id = $1 and (" +
                                 condition + ") returning " + columns(),
                             params);
    if (!changed.empty()) return tenant_of(changed[0]);
    const auto current = find(id);
    if (!current) return current.error();
    return fail(ErrorCode::conflict, "tenant " + current->name + " is being deleted");
  });
}

Result<Tenant> PgTenantStore::set_workers(TenantId id, unsigned workers) {
  return update(id, "workers = $2", "state <> 'deleting'", Params{id.to_string(), std::to_string(workers)});
}

Result<Tenant> PgTenantStore::set_state(TenantId id, TenantState state) {
  return update(id, "state = $2", "state <> 'deleting' or $2 = 'deleting'",
                Params{id.to_string(), std::string(to_string(state))});
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
    if (current.empty()) return {};
    if (text_of(current[0][0]) != "deleting")
      return fail(ErrorCode::conflict, "tenant " + id.to_string() + " is not being deleted");
    const std::string step =
        "delete from dead_letters where tenant_id = $1 and seq in (select seq from dead_letters "
        "where tenant_id = $1 order by seq limit " +
        std::to_string(kDeadLettersAtOnce) + ")";
    while (run(step, Params{id.to_string()}).affected_rows() > 0) {
    }
    run("delete from tenants where id = $1", Params{id.to_string()});
    return {};
  });
}

}  // namespace mtmsg::store::pg
