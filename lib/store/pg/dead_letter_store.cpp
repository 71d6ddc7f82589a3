#include "store/pg/dead_letter_store.hpp"

#include "store/pg/array_text.hpp"
#include "store/pg/counter_lock.hpp"
#include "store/pg/reading.hpp"
#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

/// All values in these statements are numbers, uuids and names of reasons, so they stand in the text.
namespace mtmsg::store::pg {
namespace {

std::string tenant_query(TenantId tenant) {
  return "select 1 from tenants where state <> 'deleting' and id = " + quoted(tenant);
}

/// Conditions on one tenant's letters, without the cursor.
std::string letters_of(TenantId tenant, const DeadLetterFilter& filter) {
  const auto micros_of = [](Timestamp time) { return std::to_string(time.time_since_epoch().count()); };
  auto sql = "tenant_id = " + quoted(tenant);
  if (filter.reason) sql += " and reason = '" + std::string(to_string(*filter.reason)) + "'";
  if (filter.since) sql += " and " + micros("failed_at") + " >= " + micros_of(*filter.since);
  if (filter.until) sql += " and " + micros("failed_at") + " < " + micros_of(*filter.until);
  if (filter.replayed) sql += *filter.replayed ? " and replayed_at is not null" : " and replayed_at is null";
  return sql;
}

std::string letters_of(TenantId tenant, std::span<const Sequence> letters) {
  ArrayText numbers;
  for (const auto seq : letters) numbers.add(seq.value);
  return "tenant_id = " + quoted(tenant) + " and seq = any('" + numbers.take() + "'::bigint[])";
}

// Bytes travel as hex whatever bytea_output says. The length of a body is known without reading it.
constexpr const char* kColumns =
    "seq, id, reason, detail, sqlstate, deliveries, tries, octet_length(body), encode(headers, 'hex'), "
    "encode(exchange, 'hex'), encode(routing_key, 'hex')";
enum Column { seq_, id_, reason_, detail_, sqlstate_, deliveries_, tries_, bytes_, headers_, exchange_, routing_key_ };
constexpr int kTimes = routing_key_ + 1;
constexpr int kMore = kTimes + 4;

std::string letter_columns() {
  return std::string(kColumns) + ", " + micros("published_at") + ", " + micros("failed_at") + ", " +
         micros("tried_at") + ", " + micros("replayed_at");
}

int nibble(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

template <class Field>
std::string bytes_of(const Field& field) {
  const auto hex = text_of(field);
  std::string bytes(hex.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(nibble(hex[2 * i]) * 16 + nibble(hex[2 * i + 1]));
  return bytes;
}

template <class Row>
DeadLetter letter_of(TenantId tenant, const Row& row) {
  DeadLetter letter;
  letter.seq = Sequence{int_of(row[seq_])};
  letter.id = id_of<MessageId>(row[id_]);
  letter.tenant = tenant;
  const auto reason = dead_reason_from(text_of(row[reason_]));
  if (!reason) throw Failure(Error{ErrorCode::internal, "a dead letter has a reason nobody knows"});
  letter.refusal = {*reason, std::string(text_of(row[detail_])), std::string(text_of(row[sqlstate_]))};
  letter.deliveries = int_of(row[deliveries_]);
  letter.tries = int_of(row[tries_]);
  letter.body_bytes = int_of(row[bytes_]);
  letter.headers = bytes_of(row[headers_]);
  letter.exchange = bytes_of(row[exchange_]);
  letter.routing_key = bytes_of(row[routing_key_]);
  letter.published_at = maybe_time_of(row[kTimes]);
  letter.failed_at = time_of(row[kTimes + 1]);
  letter.tried_at = maybe_time_of(row[kTimes + 2]);
  letter.replayed_at = maybe_time_of(row[kTimes + 3]);
  return letter;
}

template <class Row>
DeadLetter whole_letter_of(TenantId tenant, const Row& row) {
  auto letter = letter_of(tenant, row);
  letter.body = bytes_of(row[kMore]);
  return letter;
}

}  // namespace

Result<DeadLetterPage> PgDeadLetterStore::page(const Reader& reader, TenantId tenant, const DeadLetterFilter& filter,
                                               Sequence cursor, unsigned limit) {
  return guard_read(reader, [&]() -> Result<DeadLetterPage> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_read(statement_timeout_, reader) + "; " + tenant_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    // One row more than asked for tells whether there are more. The headers before a row decide whether it still fits.
    const auto rows = connection->exec(
        "select " + letter_columns() +
        ", found from (select *, count(*) over () as found, row_number() over (order by seq) " +
        "as place, sum(octet_length(headers)) over (order by seq) - octet_length(headers) as bytes_before from " +
        "(select * from dead_letters where " + letters_of(tenant, filter) + " and seq > " +
        std::to_string(cursor.value) + " order by seq limit " + std::to_string(limit + 1) + ") candidate) letter " +
        "where place <= " + std::to_string(limit) + " and bytes_before < " + std::to_string(max_page_bytes_) +
        " order by seq");
    transaction.commit();
    DeadLetterPage page;
    page.next_cursor = cursor;
    page.data.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) page.data.push_back(letter_of(tenant, row));
    if (page.data.empty()) return page;
    page.next_cursor = page.data.back().seq;
    page.has_more = int_of(rows[0][kMore]) > static_cast<std::int64_t>(page.data.size());
    return page;
  });
}

Result<DeadLetter> PgDeadLetterStore::get(const Reader& reader, TenantId tenant, Sequence seq) {
  return guard_read(reader, [&]() -> Result<DeadLetter> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_read(statement_timeout_, reader) + "; " + tenant_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    const auto rows = connection->exec("select " + letter_columns() + ", encode(body, 'hex') from dead_letters where " +
                                       letters_of(tenant, std::span(&seq, 1)));
    transaction.commit();
    if (rows.empty()) return fail(ErrorCode::not_found, "there is no dead letter " + std::to_string(seq.value));
    return whole_letter_of(tenant, rows[0]);
  });
}

Result<std::int64_t> PgDeadLetterStore::count(const Reader& reader, TenantId tenant, const DeadLetterFilter& filter) {
  return guard_read(reader, [&]() -> Result<std::int64_t> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_read(statement_timeout_, reader) + "; " + tenant_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    const auto rows = connection->exec("select count(*) from dead_letters where " + letters_of(tenant, filter));
    transaction.commit();
    return int_of(rows[0][0]);
  });
}

Result<std::vector<DeadLetter>> PgDeadLetterStore::claim(TenantId tenant, std::span<const Sequence> letters,
                                                         std::size_t max_bytes) {
  return guard_locked([&]() -> Result<std::vector<DeadLetter>> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_) + "; " + lock_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    // In a statement after the lock, so that it sees what the lock's last holder did.
    const auto rows = connection->exec(
        "with wanted as (select tenant_id, seq, sum(octet_length(body)) over (order by seq) as bytes, row_number() " +
        std::string("over (order by seq) as place from dead_letters where ") + letters_of(tenant, letters) +
        " and replayed_at is null), claimed as (update dead_letters d set tries = d.tries + 1, tried_at = " +
        "clock_timestamp() from wanted w where d.tenant_id = w.tenant_id and d.seq = w.seq and (w.place = 1 or " +
        "w.bytes <= " + std::to_string(max_bytes) + ") returning d.*) select " + letter_columns() +
        ", encode(body, 'hex') from claimed order by seq");
    transaction.commit();
    std::vector<DeadLetter> claimed;
    claimed.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) claimed.push_back(whole_letter_of(tenant, row));
    return claimed;
  });
}

Result<LastTry> PgDeadLetterStore::begin_last_try(TenantId tenant, MessageId id, unsigned max_tries, MessageId kept_as,
                                                  Timestamp at) {
  return guard_locked([&]() -> Result<LastTry> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_) + "; " + lock_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    // Under its last id, or its time, it is found when this is asked again because the answer was lost.
    const auto time =
        "timestamptz 'epoch' + " + std::to_string(at.time_since_epoch().count()) + " * interval '1 microsecond'";
    const auto rows = connection->exec("select seq, tries, id <> '" + id.to_string() + "', tried_at = " + time +
                                       " from dead_letters where tenant_id = " + quoted(tenant) + " and id in ('" +
                                       id.to_string() + "', '" + kept_as.to_string() + "') and reason = '" +
                                       std::string(to_string(DeadReason::delivery_limit)) +
                                       "' and replayed_at is null order by 3 desc limit 1");
    if (rows.empty()) return LastTry{};
    const Sequence letter{int_of(rows[0][0])};
    if (text_of(rows[0][3]) == "t") return LastTry{LastTry::Verdict::granted, letter};
    const bool kept_already = text_of(rows[0][2]) == "t";
    const bool used_up = kept_already || int_of(rows[0][1]) >= static_cast<std::int64_t>(max_tries);
    const auto verdict = used_up ? LastTry::Verdict::used_up : LastTry::Verdict::granted;
    if (kept_already || (used_up && kept_as == id)) return LastTry{verdict, letter};
    const auto change =
        used_up ? "id = '" + kept_as.to_string() + "'" : std::string("tries = tries + 1, tried_at = ") + time;
    connection->exec("update dead_letters set " + change + " where " + letters_of(tenant, std::span(&letter, 1)));
    transaction.commit();
    return LastTry{verdict, letter};
  });
}

Result<void> PgDeadLetterStore::take_back_last_try(TenantId tenant, MessageId id) {
  return guard_locked([&]() -> Result<void> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_) + "; " + lock_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    connection->exec("update dead_letters set tries = tries - 1 where tenant_id = " + quoted(tenant) + " and id = '" +
                     id.to_string() + "' and reason = '" + std::string(to_string(DeadReason::delivery_limit)) +
                     "' and replayed_at is null and tries > 0");
    transaction.commit();
    return {};
  });
}

Result<std::int64_t> PgDeadLetterStore::purge(TenantId tenant, const DeadLetterFilter& filter, Sequence cursor,
                                              unsigned limit) {
  return remove(tenant, "tenant_id = " + quoted(tenant) + " and seq in (select seq from dead_letters where " +
                            letters_of(tenant, filter) + " and seq > " + std::to_string(cursor.value) +
                            " order by seq limit " + std::to_string(limit) + ")");
}

Result<std::int64_t> PgDeadLetterStore::purge(TenantId tenant, std::span<const Sequence> letters) {
  return remove(tenant, letters_of(tenant, letters));
}

Result<std::int64_t> PgDeadLetterStore::remove(TenantId tenant, const std::string& condition) {
  return guard_locked([&]() -> Result<std::int64_t> {
    const auto connection = pool_.acquire();
    Transaction transaction(*connection, begin_with_limits(statement_timeout_) + "; " + lock_query(tenant));
    if (transaction.first().empty()) return no_such_tenant(tenant.to_string());
    const auto rows = connection->exec(
        "with gone as (delete from dead_letters where " + condition + " returning replayed_at), tally as (select " +
        "count(*) as letters, count(*) filter (where replayed_at is null) as open from gone) update tenant_counters " +
        "c set dead_letters = c.dead_letters - tally.open from tally where c.tenant_id = " + quoted(tenant) +
        " returning tally.letters");
    transaction.commit();
    return int_of(rows[0][0]);
  });
}

}  // namespace mtmsg::store::pg
