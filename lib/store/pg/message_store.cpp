#include "store/pg/message_store.hpp"

#include <algorithm>

#include "store/pg/array_text.hpp"
#include "store/pg/counter_lock.hpp"
#include "store/pg/reading.hpp"
#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

/// All values in these statements are numbers and uuids, so they stand in the text: each is planned for its tenant's
/// partition alone, and several share a round trip.
namespace mtmsg::store::pg {
namespace {

/// What a reader sees of the tenant's numbers.
struct Span {
  std::int64_t last = 0;
  std::int64_t oldest = 1;
  std::int64_t epoch = 1;
};

std::string span_query(TenantId tenant) {
  return "select c.last_seq, c.oldest_seq, e.epoch from tenants t join tenant_counters c on c.tenant_id = t.id "
         "cross join store_epoch e where t.state <> 'deleting' and t.id = " +
         quoted(tenant);
}

std::string row_columns() {
  return "seq, id, payload, headers, " + micros("published_at") + ", " + micros("created_at") + ", " +
         micros("erased_at");
}

template <class Row>
StoredMessage message_of(TenantId tenant, const Row& row) {
  StoredMessage message;
  message.tenant = tenant;
  message.seq = Sequence{int_of(row[0])};
  message.id = id_of<MessageId>(row[1]);
  message.payload = text_of(row[2]);
  message.headers = text_of(row[3]);
  message.published_at = maybe_time_of(row[4]);
  message.created_at = time_of(row[5]);
  message.erased_at = maybe_time_of(row[6]);
  return message;
}

/// The first number whose message was created at `time` or later; last + 1 when there is none. created_at never goes
/// down as numbers go up, so it is found by halving on the primary key: some twenty probes in a million rows, where
/// a filter would read every row before it and an index on created_at would cost each insert.
std::int64_t first_seq_at(Connection& connection, TenantId tenant, const Span& span, Timestamp time) {
  const auto found = connection.exec(
      "with recursive step (low, high) as (select " + std::to_string(span.oldest) + "::bigint, " +
      std::to_string(span.last) +
      "::bigint + 1 union all "
      "select case when probe.earlier then probe.seq + 1 else step.low end, "
      "case when probe.earlier then step.high else (step.low + step.high) / 2 end "
      "from step left join lateral (select m.seq, " +
      micros("m.created_at") + " < " + std::to_string(time.time_since_epoch().count()) +
      " as earlier from messages m where m.tenant_id = " + quoted(tenant) +
      " and m.seq >= (step.low + step.high) / 2 order by m.seq limit 1) probe on true where step.low < step.high) "
      "select low from step where low >= high");
  return int_of(found[0][0]);
}

/// Its letter may be all there is of it.
Error no_such_message(Connection& connection, TenantId tenant, MessageId id) {
  auto text = "no message has the id " + id.to_string();
  const auto letter =
      connection.exec("select seq from dead_letters where tenant_id = " + quoted(tenant) + " and id = " + quoted(id));
  if (!letter.empty()) text += "; dead letter " + std::string(text_of(letter[0][0])) + " has it";
  return fail(ErrorCode::not_found, std::move(text));
}

}  // namespace

Result<Page> PgMessageStore::page(const Reader& reader, TenantId tenant, const PageQuery& query) {
  return guard_read(reader, [&]() -> Result<Page> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_read(statement_timeout_, reader) + "; " + span_query(tenant));
    const auto& found = transaction.first();
    if (found.empty()) return no_such_tenant(tenant.to_string());
    const Span span{int_of(found[0][0]), int_of(found[0][1]), int_of(found[0][2])};

    const auto cursor = query.cursor.value;
    auto end = span.last + 1;
    auto since = span.oldest;
    if (query.since) since = first_seq_at(*connection, tenant, span, *query.since);
    if (query.until) end = first_seq_at(*connection, tenant, span, *query.until);
    const auto after = std::max({cursor, span.oldest - 1, since - 1});

    Page page;
    page.oldest_seq = Sequence{span.oldest};
    page.epoch = span.epoch;
    // Of what retention removed, nothing was asked for if even the oldest kept one is before `since`.
    page.truncated = cursor < span.oldest - 1 && since <= span.oldest;
    page.next_cursor = page.truncated ? Sequence{span.oldest - 1} : query.cursor;
    if (after < end - 1) {
      const auto rows = connection->exec("select " + row_columns() + " from mtmsg_read(" + quoted(tenant) + ", " +
                                         std::to_string(after) + ", " + std::to_string(end) + ", " +
                                         std::to_string(query.limit) + ", " + std::to_string(max_page_bytes_) + ")");
      page.data.reserve(static_cast<std::size_t>(rows.size()));
      for (const auto& row : rows) page.data.push_back(message_of(tenant, row));
    }
    transaction.commit();
    if (!page.data.empty()) {
      page.next_cursor = page.data.back().seq;
      page.has_more = page.next_cursor.value + 1 < end;
    }
    return page;
  });
}

Result<std::vector<std::pair<TenantId, Sequence>>> PgMessageStore::last_numbers(const std::vector<TenantId>& tenants) {
  return guard([&]() -> Result<std::vector<std::pair<TenantId, Sequence>>> {
    ArrayText ids;
    for (const auto tenant : tenants) ids.add(tenant.value);
    const auto found = run_alone(pool_, statement_timeout_,
                                 "select tenant_id, last_seq from tenant_counters where tenant_id = any($1::uuid[])",
                                 Params{ids.take()});
    std::vector<std::pair<TenantId, Sequence>> all;
    all.reserve(static_cast<std::size_t>(found.size()));
    for (const auto& row : found) all.emplace_back(id_of<TenantId>(row[0]), Sequence{int_of(row[1])});
    return all;
  });
}

Result<StoredMessage> PgMessageStore::get(const Reader& reader, TenantId tenant, MessageId id) {
  return guard_read(reader, [&]() -> Result<StoredMessage> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_read(statement_timeout_, reader) + "; " + span_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    const auto rows = connection->exec(
        "select " + row_columns() + " from messages where tenant_id = " + quoted(tenant) + " and id = " + quoted(id));
    transaction.commit();
    if (rows.empty()) return fail(ErrorCode::not_found, "no message has the id " + id.to_string());
    return message_of(tenant, rows[0]);
  });
}

Result<Erased> PgMessageStore::erase(TenantId tenant, MessageId id) {
  return guard_locked([&]() -> Result<Erased> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_) + "; " + lock_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    const auto it = " where tenant_id = " + quoted(tenant) + " and id = " + quoted(id);
    // Bytes are counted as they were sent; as PostgreSQL writes them out is near enough.
    const auto found = connection->exec(
        "select coalesce(octet_length(payload::text), 0) + coalesce(octet_length(headers::text), 0) from messages" +
        it);
    if (found.empty()) return no_such_message(*connection, tenant, id);
    const auto done = connection->exec(
        "update messages set payload = null, headers = null, erased_at = clock_timestamp()" + it +
        " and erased_at is null; with gone as (delete from dead_letters" + it +
        " returning replayed_at), tally as (select count(*) as letters, count(*) filter (where replayed_at is null) " +
        "as open from gone) update tenant_counters c set dead_letters = c.dead_letters - tally.open, stored_bytes = " +
        "greatest(0, c.stored_bytes - " + std::to_string(int_of(found[0][0])) +
        ") from tally where c.tenant_id = " + quoted(tenant) + " returning tally.letters");
    transaction.commit();
    return Erased{int_of(done[0][0])};
  });
}

}  // namespace mtmsg::store::pg
