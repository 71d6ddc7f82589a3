#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Every table and card mtmsgctl prints. Pure; any thread.
namespace mtmsg::ctl {

/// How a column stands in a table. CSV has every value in full.
enum class Kind {
  text,
  number,    ///< to the right
  time,      ///< RFC 3339 in UTC, shown to the second
  flexible,  ///< takes what room is left in the line, and is cut there
};

struct Column {
  std::string_view key;  ///< as in JSON and CSV; a table shows it in capitals, blanks for underscores
  Kind kind = Kind::text;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// `width`: of the terminal; without one nothing is cut. Control characters are shown as "?".
void append_table(std::string& out, const Table& table, std::optional<unsigned> width);
/// RFC 4180 with "\n": a header line, then the rows.
void append_csv(std::string& out, const Table& table);
/// One value, in quotes where it needs them.
void append_csv_value(std::string& out, std::string_view value);

/// One thing, field by field: "key: value" lines, the values in one column.
using Fields = std::vector<std::pair<std::string_view, std::string>>;
void append_card(std::string& out, const Fields& fields);

/// 2026-01-31T12:00:00.123456Z → 2026-01-31T12:00:00Z
std::string without_fraction(std::string_view time);
/// 1234567 → 1,234,567
std::string with_commas(std::uint64_t number);
/// 1 message, 2 messages
std::string counted(std::uint64_t number, std::string_view thing);
/// 3725 s → "1 h 2 min"
std::string duration_text(std::uint64_t seconds);

}  // namespace mtmsg::ctl
