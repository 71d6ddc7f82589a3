#include "cmd/output/table.hpp"

#include <algorithm>

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kGap = 2;
// A flexible column narrower than this says nothing; then the line becomes longer than the terminal instead.
constexpr std::size_t kNarrowestFlexible = 10;

bool starts_character(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

/// In characters; one each, which holds for what our own fields contain.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut_to(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at)
    if (starts_character(text[at]) && ++seen == width) break;
  return std::string(text.substr(0, at)) + "…";
}

/// A payload must not steer the terminal.
std::string printable(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return out;
}

std::string title_of(std::string_view key) {
  std::string title(key);
  for (auto& c : title) c = c == '_' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return title;
}

std::string label_of(std::string_view key) {
  std::string label(key);
  std::replace(label.begin(), label.end(), '_', ' ');
  return label + ":";
}

void append_line(std::string& out, const std::vector<Column>& columns, const std::vector<std::string>& cells,
                 const std::vector<std::size_t>& widths) {
  const auto begin = out.size();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out.append(kGap, ' ');
    const auto cell = cut_to(cells[i], widths[i]);
    const auto padding = widths[i] - std::min(widths[i], width_of(cell));
    if (columns[i].kind == Kind::number) out.append(padding, ' ');
    out += cell;
    if (columns[i].kind != Kind::number) out.append(padding, ' ');
  }
  while (out.size() > begin && out.back() == ' ') out.pop_back();
  out += '\n';
}

/// The flexible columns share what the others leave.
void fit(std::vector<std::size_t>& widths, const std::vector<Column>& columns, unsigned line_width) {
  std::size_t fixed = kGap * (columns.size() - 1);
  std::size_t flexible = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].kind == Kind::flexible)
      ++flexible;
    else
      fixed += widths[i];
  }
  if (flexible == 0) return;
  const auto room = line_width > fixed ? (line_width - fixed) / flexible : 0;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].kind == Kind::flexible) widths[i] = std::min(widths[i], std::max(room, kNarrowestFlexible));
}

}  // namespace

void append_table(std::string& out, const Table& table, std::optional<unsigned> width) {
  if (table.columns.empty()) return;
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const auto& column : table.columns) {
    titles.push_back(title_of(column.key));
    widths.push_back(width_of(titles.back()));
  }
  auto rows = table.rows;
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = table.columns[i].kind == Kind::time ? without_fraction(row[i]) : printable(row[i]);
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  if (width) fit(widths, table.columns, *width);
  append_line(out, table.columns, titles, widths);
  for (const auto& row : rows) append_line(out, table.columns, row, widths);
}

void append_csv_value(std::string& out, std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += value;
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_csv(std::string& out, const Table& table) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    out += table.columns[i].key;
  }
  out += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ',';
      append_csv_value(out, row[i]);
    }
    out += '\n';
  }
}

void append_card(std::string& out, const Fields& fields) {
  std::size_t widest = 0;
  for (const auto& [key, value] : fields) widest = std::max(widest, width_of(label_of(key)));
  for (const auto& [key, value] : fields) {
    const auto label = label_of(key);
    out += label;
    if (!value.empty()) out.append(widest - width_of(label) + 1, ' ');
    out += printable(value);
    out += '\n';
  }
}

std::string without_fraction(std::string_view time) {
  const auto dot = time.find('.');
  return dot == std::string_view::npos ? std::string(time) : std::string(time.substr(0, dot)) + "Z";
}

std::string with_commas(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string counted(std::uint64_t number, std::string_view thing) {
  return with_commas(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

std::string duration_text(std::uint64_t seconds) {
  const auto days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return std::to_string(days) + " d " + std::to_string(hours) + " h";
  if (hours > 0) return std::to_string(hours) + " h " + std::to_string(minutes) + " min";
  if (minutes > 0) return std::to_string(minutes) + " min " + std::to_string(seconds % 60) + " s";
  return std::to_string(seconds) + " s";
}

}  // namespace mtmsg::ctl
