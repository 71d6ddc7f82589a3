#include "store/pg/audit_store.hpp"

#include <type_traits>

#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

namespace mtmsg::store::pg {
namespace {

template <class Id>
std::optional<std::string> text_or_null(const std::optional<Id>& value) {
  if constexpr (std::is_integral_v<Id>)
    return value ? std::optional(std::to_string(*value)) : std::nullopt;
  else
    return value ? std::optional(value->to_string()) : std::nullopt;
}

std::optional<std::string> or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::string micros_of(Timestamp time) {
  return std::to_string(time.time_since_epoch().count());
}

/// A moment as PostgreSQL's, so that the index on `at` is of use.
std::string moment(const std::string& place) {
  return "(timestamptz 'epoch' + " + place + "::bigint * interval '1 microsecond')";
}

/// The conditions of a query, and their values.
struct Conditions {
  std::string sql = "true";
  Params params;

  std::string place(std::string value) {
    params.emplace_back(std::move(value));
    return "$" + std::to_string(params.size());
  }
};

Conditions conditions_of(const AuditQuery& query) {
  Conditions all;
  if (query.cursor)
    all.sql += (query.order == AuditOrder::oldest_first ? " and seq > " : " and seq < ") +
               all.place(std::to_string(query.cursor->value)) + "::bigint";
  if (query.since) all.sql += " and at >= " + moment(all.place(micros_of(*query.since)));
  if (query.until) all.sql += " and at < " + moment(all.place(micros_of(*query.until)));
  if (!query.subject.empty()) all.sql += " and subject = " + all.place(query.subject);
  if (const auto id = TenantId::parse(query.tenant))
    all.sql += " and tenant_id = " + all.place(id->to_string()) + "::uuid";
  else if (!query.tenant.empty())
    all.sql += " and tenant_name = " + all.place(query.tenant);
  if (!query.action.empty()) {
    const auto place = all.place(query.action);
    all.sql += " and (action = " + place + " or starts_with(action, " + place + "::text || '.'))";
  }
  return all;
}

template <class Row>
AuditEntry entry_of(const Row& row) {
  AuditEntry entry;
  entry.seq = Sequence{int_of(row[0])};
  entry.at = time_of(row[1]);
  entry.subject = text_of(row[2]);
  entry.role = text_of(row[3]);
  entry.action = text_of(row[4]);
  entry.method = text_of(row[5]);
  entry.route = text_of(row[6]);
  if (!row[7].is_null()) entry.tenant = id_of<TenantId>(row[7]);
  entry.tenant_name = text_of(row[8]);
  entry.detail = text_of(row[9]);
  entry.status = static_cast<int>(int_of(row[10]));
  entry.code = text_of(row[11]);
  entry.request_id = text_of(row[12]);
  entry.peer = text_of(row[13]);
  if (!row[14].is_null()) entry.uid = int_of(row[14]);
  if (!row[15].is_null()) entry.pid = int_of(row[15]);
  return entry;
}

}  // namespace

Result<void> PgAuditStore::append(const AuditEntry& entry) {
  return guard([&]() -> Result<void> {
    try {
      insert(entry, entry.detail.empty() ? "{}" : entry.detail);
    } catch (const SqlFailure& failure) {
      if (failure.error().code != ErrorCode::database_rejected) throw;
      insert(entry, "{}");
    }
    return {};
  });
}

void PgAuditStore::insert(const AuditEntry& entry, const std::string& detail) {
  const auto connection = pool_.acquire();
  // One at a time: the bytes of "mtau". Else a number could appear below one that was read already.
  Transaction transaction(*connection, begin_with_limits(statement_timeout_) +
                                           "; set local lock_timeout = '5s'; select pg_advisory_xact_lock(1836343669)");
  connection->exec(
      "insert into audit_log (subject, role, action, method, route, tenant_id, tenant_name, detail, status, code, "
      "request_id, peer, uid, pid) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
      Params{entry.subject, entry.role, entry.action, entry.method, entry.route, text_or_null(entry.tenant),
             or_null(entry.tenant_name), detail, std::to_string(entry.status), entry.code, entry.request_id, entry.peer,
             text_or_null(entry.uid), text_or_null(entry.pid)});
  transaction.commit();
}

Result<AuditPage> PgAuditStore::page(const AuditQuery& query) {
  return guard([&]() -> Result<AuditPage> {
    const auto conditions = conditions_of(query);
    // One more than asked for tells whether there are more.
    const auto rows =
        run_alone(pool_, statement_timeout_,
                  "select seq, " + micros("at") +
                      ", subject, role, action, method, route, tenant_id, tenant_name, detail, status, "
                      "code, request_id, peer, uid, pid from audit_log where " +
                      conditions.sql + " order by seq " + (query.order == AuditOrder::oldest_first ? "asc" : "desc") +
                      " limit " + std::to_string(query.limit + 1),
                  conditions.params);
    AuditPage page;
    page.next_cursor = query.cursor.value_or(Sequence{0});
    page.has_more = static_cast<std::size_t>(rows.size()) > query.limit;
    for (const auto& row : rows)
      if (page.data.size() < query.limit) page.data.push_back(entry_of(row));
    if (!page.data.empty()) page.next_cursor = page.data.back().seq;
    return page;
  });
}

}  // namespace mtmsg::store::pg
