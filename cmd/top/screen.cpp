#include "cmd/top/screen.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cmd/output/table.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl::top {
namespace {

/// Two lines of totals, one of trouble, the titles, and the keys below.
constexpr std::size_t kOtherLines = 5;
constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowestName = 8;

struct Column {
  std::string_view title;
  std::size_t width;
  int rank;  ///< on a narrow screen the highest goes first
  std::string (*cell)(const wire::TenantMoves& row);
};

std::string maybe(const std::optional<std::int64_t>& number) {
  return number ? compact(static_cast<double>(*number)) : "-";
}

/// Right of the name. "IN/S" and "OUT/S" are messages a second.
constexpr Column kColumns[] = {
    {"STATE", 11, 1, [](const wire::TenantMoves& row) { return row.state; }},
    {"READY", 6, 0,
     [](const wire::TenantMoves& row) { return row.ready ? compact(static_cast<double>(*row.ready)) : "-"; }},
    {"HAND", 5, 4, [](const wire::TenantMoves& row) { return compact(static_cast<double>(row.unacked)); }},
    {"IN/S", 6, 3, [](const wire::TenantMoves& row) { return compact(row.in_per_second); }},
    {"OUT/S", 6, 2, [](const wire::TenantMoves& row) { return compact(row.out_per_second); }},
    {"BUSY", 5, 7,
     [](const wire::TenantMoves& row) { return std::to_string(row.workers_busy) + "/" + std::to_string(row.workers); }},
    {"LAG", 5, 5, [](const wire::TenantMoves& row) { return lag_text(row.lag_seconds); }},
    {"DEAD", 6, 6, [](const wire::TenantMoves& row) { return maybe(row.dead_letters); }},
};

std::string fixed(double number, int digits) {
  char text[400];
  const auto [end, ec] = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, digits);
  return ec == std::errc{} ? std::string(text, end) : std::string();
}

std::string cut(std::string text, std::size_t width) {
  // What a daemon sends must not steer the terminal, and one byte is one cell only in ASCII.
  for (auto& c : text)
    if (c < ' ' || c > '~') c = '?';
  if (text.size() > width) text.resize(width);
  return text;
}

std::string cell(std::string text, std::size_t width, bool right) {
  text = cut(std::move(text), width);
  text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

/// The columns that fit beside a name.
std::vector<const Column*> columns_for(std::size_t width) {
  std::vector<const Column*> chosen;
  for (const auto& column : kColumns) chosen.push_back(&column);
  const auto taken = [&] {
    std::size_t sum = kNarrowestName;
    for (const auto* column : chosen) sum += kGap + column->width;
    return sum;
  };
  while (!chosen.empty() && taken() > width)
    chosen.erase(std::ranges::max_element(chosen, {}, [](const Column* column) { return column->rank; }));
  return chosen;
}

std::string row_text(const std::vector<const Column*>& columns, std::size_t width, const std::string& name,
                     const auto& text_of) {
  std::size_t rest = width;
  for (const auto* column : columns) rest -= kGap + column->width;
  auto line = cell(name, rest, false);
  for (const auto* column : columns) {
    line.append(kGap, ' ');
    line += cell(text_of(*column), column->width, column->title != "STATE");
  }
  return line;
}

bool is_bad(std::string_view state) {
  return state == "away" || state == "no_consumer" || state == "held" || state == "full";
}

std::string first_line(const wire::ActivityPage& page) {
  auto text = "mtmsgd " + page.version + "  " + without_fraction(format_timestamp(page.at));
  if (page.daemons && *page.daemons > 1) text += "  " + counted(*page.daemons, "daemon") + " (rates: this one)";
  text += "  writers " + std::to_string(page.writers_busy) + " of " + std::to_string(page.writers) + " busy";
  return text;
}

std::string second_line(const wire::TotalMoves& total) {
  const auto count = [](std::uint64_t number) { return compact(static_cast<double>(number)); };
  return counted(total.tenants, "tenant") + ": " + count(total.ready) + " ready, " + count(total.unacked) +
         " in hand, in " + compact(total.in_per_second) + "/s, out " + compact(total.out_per_second) + "/s, " +
         count(static_cast<std::uint64_t>(std::max<std::int64_t>(total.dead_letters, 0))) + " dead";
}

std::string choices_line(const View& view) {
  const auto query = view.query();
  auto text =
      "by " + std::string(to_string(query.sort)) + (query.direction == wire::Direction::reverse ? ", reversed" : "");
  if (!view.filter().empty()) text += "  names with \"" + view.filter() + "\"";
  if (view.paused()) text += "  PAUSED";
  return text;
}

Line third_line(const Shown& shown, const View& view) {
  if (!shown.trouble.empty()) return {shown.trouble, Line::Look::alarm};
  if (shown.page != nullptr && !shown.page->ready) return {"not ready: " + shown.page->not_ready, Line::Look::alarm};
  return {choices_line(view), Line::Look::plain};
}

Line last_line(const View& view) {
  if (view.edits()) return {"part of the name: " + view.edited() + "_", Line::Look::plain};
  return {"q quit  p pause  s sort  r reverse  / filter  arrows scroll  ? help", Line::Look::plain};
}

std::vector<Line> help_lines() {
  std::vector<Line> lines;
  for (const auto* text : {
           "Keys",
           "  q          quit",
           "  p, space   pause: what is shown stays",
           "  s, S       sort by the next column, by the one before",
           "  r          reverse the order",
           "  /          only names that contain this; Enter takes it, Esc leaves it",
           "  Esc        all names again",
           "  arrows, j, k, PgUp, PgDn, Home, End   scroll",
           "  ?, h       this help",
           "",
           "Columns",
           "  READY   messages that wait in the queue     HAND   in the daemon's hands",
           "  IN/S    published a second                  OUT/S  settled a second",
           "  BUSY    workers busy, of how many           DEAD   dead letters kept",
           "  LAG     how long what waits takes at the present rate",
           "",
           "mtmsgctl explain TENANT says why one does not move. Any key goes back.",
       })
    lines.push_back({text, Line::Look::plain});
  return lines;
}

std::vector<Line> tenant_lines(const Shown& shown, const View& view, const Size& size) {
  const auto columns = columns_for(size.columns);
  std::vector<Line> lines;
  lines.push_back(
      {row_text(columns, size.columns, "TENANT", [](const Column& column) { return std::string(column.title); }),
       Line::Look::title});
  const auto most = rows_for_tenants(size);
  if (shown.page == nullptr) return lines;
  const auto& rows = shown.page->data;
  for (std::size_t i = view.offset(); i < rows.size() && i < view.offset() + most; ++i)
    lines.push_back(
        {row_text(columns, size.columns, rows[i].name, [&](const Column& column) { return column.cell(rows[i]); }),
         is_bad(rows[i].state) ? Line::Look::alarm : Line::Look::plain});
  return lines;
}

}  // namespace

std::string compact(double number) {
  if (number < 10 && number != std::floor(number)) return fixed(number, 1);
  if (number < 99'999.5) return fixed(number, 0);
  for (const char* unit : {"k", "M", "G", "T"}) {
    number /= 1000;
    if (number < 9.95) return fixed(number, 1) + unit;
    if (number < 999.5) return fixed(number, 0) + unit;
  }
  return fixed(number, 0) + "T";
}

std::string lag_text(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  if (*seconds < 9.95) return fixed(*seconds, 1) + "s";
  if (*seconds < 99.5) return fixed(*seconds, 0) + "s";
  if (*seconds < 99 * 60.0) return fixed(*seconds / 60, 0) + "m";
  if (*seconds < 99 * 3600.0) return fixed(*seconds / 3600, 0) + "h";
  const auto days = *seconds / 86400;
  return days < 999 ? fixed(days, 0) + "d" : ">1y";
}

std::size_t rows_for_tenants(const Size& size) noexcept {
  return size.rows > kOtherLines ? size.rows - kOtherLines : 0;
}

std::vector<Line> draw(const Shown& shown, const View& view, const Size& size) {
  std::vector<Line> lines;
  if (view.helps()) {
    lines = help_lines();
  } else {
    lines.push_back({shown.page ? first_line(*shown.page) : "mtmsgctl top: waiting for the daemon", Line::Look::plain});
    lines.push_back({shown.page ? second_line(shown.page->total) : "", Line::Look::plain});
    lines.push_back(third_line(shown, view));
    for (auto& line : tenant_lines(shown, view, size)) lines.push_back(std::move(line));
    lines.resize(std::max(lines.size(), size.rows > 0 ? size.rows - 1 : 0));
    lines.push_back(last_line(view));
  }
  if (lines.size() > size.rows) lines.resize(size.rows);
  for (auto& line : lines) line.text = cut(std::move(line.text), size.columns);
  return lines;
}

}  // namespace mtmsg::ctl::top
