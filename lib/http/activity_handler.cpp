#include <algorithm>

#include "http/explain_handler.hpp"
#include "http/handlers.hpp"
#include "http/parameters.hpp"
#include "tenants/overview.hpp"
#include "wire/activity.hpp"

namespace mtmsg::http {
namespace {

constexpr std::size_t kLongestFilter = 63;

struct Selection {
  wire::ActivitySort sort = wire::ActivitySort::depth;
  wire::Direction direction = wire::Direction::natural;
  std::string name;
  unsigned limit = 100;
};

Result<wire::ActivitySort> parse_sort(std::string_view text) {
  if (const auto sort = wire::activity_sort_from(text)) return *sort;
  std::string all;
  for (const auto sort : wire::kActivitySorts) all += (all.empty() ? "" : ", ") + std::string(to_string(sort));
  return fail(ErrorCode::invalid_argument, "it is one of " + all);
}

Result<wire::Direction> parse_reverse(std::string_view text) {
  const auto reverse = parse_flag(text);
  if (!reverse) return reverse.error();
  return *reverse ? wire::Direction::reverse : wire::Direction::natural;
}

Result<std::string> parse_name_part(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!text.empty() && text.size() <= kLongestFilter && std::ranges::all_of(text, fits)) return std::string(text);
  return fail(ErrorCode::invalid_argument, "a part of a name is 1 to 63 of a-z, 0-9 and -");
}

Result<Selection> read_selection(const Context& context) {
  Selection selection;
  if (auto taken = take(context, "sort", parse_sort, selection.sort); !taken) return taken.error();
  if (auto taken = take(context, "reverse", parse_reverse, selection.direction); !taken) return taken.error();
  if (auto taken = take(context, "name", parse_name_part, selection.name); !taken) return taken.error();
  if (auto taken = take(context, "limit", parse_limit, selection.limit); !taken) return taken.error();
  return selection;
}

wire::TenantMoves row_of(const tenants::TenantLook& look, tenants::Servers servers) {
  const auto moves = tenants::moves_of(look, servers);
  wire::TenantMoves row;
  row.id = look.tenant.id;
  row.name = look.tenant.name;
  row.state = moves.state;
  row.workers = look.activity.workers;
  row.workers_busy = look.activity.workers_busy;
  row.ready = moves.ready;
  row.unacked = look.activity.unacked;
  row.in_per_second = moves.in_per_second;
  row.out_per_second = moves.out_per_second;
  row.lag_seconds = moves.lag_seconds;
  if (!look.counts) return row;
  row.messages = look.counts->last_seq.value;
  row.dead_letters = look.counts->dead_letters;
  row.last_stored_at = look.counts->last_created_at;
  return row;
}

void add(wire::TotalMoves& total, const wire::TenantMoves& row) {
  ++total.tenants;
  total.workers += row.workers;
  total.workers_busy += row.workers_busy;
  total.ready += row.ready.value_or(0);
  total.unacked += row.unacked;
  total.in_per_second += row.in_per_second;
  total.out_per_second += row.out_per_second;
  total.dead_letters += row.dead_letters.value_or(0);
}

wire::ActivityPage page_of(const tenants::Look& look, const wire::Status& status, const Selection& selection,
                           const wire::Readiness& readiness) {
  wire::ActivityPage page;
  page.at = look.at;
  page.version = status.version;
  page.ready = readiness.ready;
  for (const auto& part : readiness.parts)
    if (!part.ok && page.not_ready.empty()) page.not_ready = part.name + ": " + part.reason;
  page.writers = status.writers.total;
  page.writers_busy = status.writers.busy;
  if (status.daemons)
    page.daemons = static_cast<std::uint64_t>(
        std::ranges::count_if(*status.daemons, [](const auto& daemon) { return !daemon.silent; }));
  const bool away = !database_trouble(readiness).empty() || !broker_trouble(readiness).empty();
  const auto servers = away ? tenants::Servers::away : tenants::Servers::there;
  for (const auto& tenant : look.tenants) {
    if (tenant.tenant.name.find(selection.name) == std::string::npos) continue;
    page.data.push_back(row_of(tenant, servers));
    add(page.total, page.data.back());
  }
  wire::sort_activity(page.data, selection.sort, selection.direction, selection.limit);
  return page;
}

}  // namespace

Answer show_activity(Context& context) {
  const auto selection = read_selection(context);
  if (!selection) return Problem(selection.error());
  const auto readiness = context.services.readiness();
  using Database = tenants::Overview::Database;
  const auto look = context.services.look(database_trouble(readiness).empty() ? Database::asked : Database::left_alone);
  std::string out;
  wire::append_activity(out, page_of(*look, context.services.status(), *selection, readiness));
  return Response::json(200, std::move(out));
}

}  // namespace mtmsg::http
