#include "wire/activity.hpp"

#include <algorithm>

#include "domain/message.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

constexpr std::string_view kSortNames[] = {"name", "state", "depth", "unacked",     "in",
                                           "out",  "busy",  "lag",   "dead_letters"};

std::optional<std::uint64_t> maybe_count(FieldReader& fields, std::string_view key) {
  const auto number = fields.optional_number(key);
  return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

template <class Number>
void maybe(ObjectWriter& object, std::string_view key, const std::optional<Number>& value) {
  value ? object.number(key, *value) : object.null(key);
}

Result<TenantMoves> read_moves(std::string_view json) {
  FieldReader fields(json, "tenant", Reading::tolerant);
  TenantMoves moves;
  const auto id = TenantId::parse(fields.text("id"));
  if (!id) fields.refuse("field \"id\" is not a UUID");
  moves.id = id.value_or(TenantId{});
  moves.name = fields.text("name");
  moves.state = fields.text("state");
  moves.workers = fields.count("workers");
  moves.workers_busy = fields.count("workers_busy");
  moves.ready = maybe_count(fields, "ready");
  moves.unacked = fields.count("unacked");
  moves.in_per_second = fields.optional_decimal("in_per_second").value_or(0);
  moves.out_per_second = fields.optional_decimal("out_per_second").value_or(0);
  moves.lag_seconds = fields.optional_decimal("lag_seconds");
  moves.messages = fields.optional_number("messages");
  moves.dead_letters = fields.optional_number("dead_letters");
  moves.last_stored_at = fields.optional_time("last_stored_at");
  if (auto done = fields.finish(); !done) return done.error();
  return moves;
}

Result<TotalMoves> read_total(std::string_view json) {
  FieldReader fields(json, "total", Reading::tolerant);
  TotalMoves total;
  total.tenants = fields.count("tenants");
  total.workers = fields.count("workers");
  total.workers_busy = fields.count("workers_busy");
  total.ready = fields.count("ready");
  total.unacked = fields.count("unacked");
  total.in_per_second = fields.optional_decimal("in_per_second").value_or(0);
  total.out_per_second = fields.optional_decimal("out_per_second").value_or(0);
  total.dead_letters = fields.optional_number("dead_letters").value_or(0);
  if (auto done = fields.finish(); !done) return done.error();
  return total;
}

void append_total(std::string& out, const TotalMoves& total) {
  ObjectWriter(out)
      .number("tenants", total.tenants)
      .number("workers", total.workers)
      .number("workers_busy", total.workers_busy)
      .number("ready", total.ready)
      .number("unacked", total.unacked)
      .decimal("in_per_second", total.in_per_second)
      .decimal("out_per_second", total.out_per_second)
      .number("dead_letters", total.dead_letters)
      .close();
}

/// Larger comes first; what is not known, last.
double number_of(const TenantMoves& row, ActivitySort sort) {
  switch (sort) {
    case ActivitySort::depth:
      return row.ready ? static_cast<double>(*row.ready + row.unacked) : static_cast<double>(row.unacked);
    case ActivitySort::unacked:
      return static_cast<double>(row.unacked);
    case ActivitySort::in:
      return row.in_per_second;
    case ActivitySort::out:
      return row.out_per_second;
    case ActivitySort::busy:
      return static_cast<double>(row.workers_busy);
    case ActivitySort::lag:
      return row.lag_seconds.value_or(-1);
    case ActivitySort::dead_letters:
      return static_cast<double>(row.dead_letters.value_or(-1));
    case ActivitySort::name:
    case ActivitySort::state:
      break;
  }
  return 0;
}

bool before(const TenantMoves& a, const TenantMoves& b, ActivitySort sort, Direction direction) {
  const bool forward = direction == Direction::natural;
  if (sort == ActivitySort::name) return forward ? a.name < b.name : b.name < a.name;
  if (sort == ActivitySort::state && a.state != b.state) return forward ? a.state < b.state : b.state < a.state;
  const auto left = number_of(a, sort), right = number_of(b, sort);
  if (left != right) return forward ? left > right : left < right;
  return a.name < b.name;
}

}  // namespace

std::string_view to_string(ActivitySort sort) noexcept {
  return kSortNames[static_cast<std::size_t>(sort)];
}

std::optional<ActivitySort> activity_sort_from(std::string_view name) noexcept {
  for (const auto sort : kActivitySorts)
    if (to_string(sort) == name) return sort;
  return std::nullopt;
}

void sort_activity(std::vector<TenantMoves>& rows, ActivitySort sort, Direction direction, std::size_t most) {
  const auto order = [=](const TenantMoves& a, const TenantMoves& b) { return before(a, b, sort, direction); };
  const auto end = rows.begin() + static_cast<std::ptrdiff_t>(std::min(most, rows.size()));
  std::partial_sort(rows.begin(), end, rows.end(), order);
  rows.erase(end, rows.end());
}

void append_moves(std::string& out, const TenantMoves& moves) {
  ObjectWriter object(out);
  object.text("id", moves.id.to_string())
      .text("name", moves.name)
      .text("state", moves.state)
      .number("workers", moves.workers)
      .number("workers_busy", moves.workers_busy);
  maybe(object, "ready", moves.ready);
  object.number("unacked", moves.unacked)
      .decimal("in_per_second", moves.in_per_second)
      .decimal("out_per_second", moves.out_per_second);
  moves.lag_seconds ? object.decimal("lag_seconds", *moves.lag_seconds) : object.null("lag_seconds");
  maybe(object, "messages", moves.messages);
  maybe(object, "dead_letters", moves.dead_letters);
  moves.last_stored_at ? object.text("last_stored_at", format_timestamp(*moves.last_stored_at))
                       : object.null("last_stored_at");
  object.close();
}

void append_activity(std::string& out, const ActivityPage& page) {
  ObjectWriter object(out);
  object.text("at", format_timestamp(page.at))
      .text("version", page.version)
      .flag("ready", page.ready)
      .text("not_ready", page.not_ready)
      .number("writers", page.writers)
      .number("writers_busy", page.writers_busy);
  maybe(object, "daemons", page.daemons);
  append_total(object.value("total"), page.total);
  append_array(object.value("data"), page.data, append_moves);
  object.close();
}

Result<ActivityPage> read_activity_page(std::string_view json) {
  FieldReader fields(json, "activity", Reading::tolerant);
  ActivityPage page;
  page.at = fields.time("at");
  page.version = fields.optional_text("version").value_or("");
  page.ready = fields.flag("ready");
  page.not_ready = fields.optional_text("not_ready").value_or("");
  page.writers = fields.count("writers");
  page.writers_busy = fields.count("writers_busy");
  page.daemons = maybe_count(fields, "daemons");
  const auto total = fields.raw("total");
  const auto data = fields.raw("data");
  if (auto done = fields.finish(); !done) return done.error();
  auto read = read_total(total);
  if (!read) return read.error();
  page.total = *read;
  auto rows = read_array(data, "data", read_moves);
  if (!rows) return rows.error();
  page.data = std::move(*rows);
  return page;
}

}  // namespace mtmsg::wire
