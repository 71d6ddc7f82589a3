#include "cmd/systemd/log_text.hpp"

#include <algorithm>
#include <array>

#include "cmd/output/table.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl::systemd {
namespace {

struct Level {
  std::string_view name;
  int least;
};
constexpr std::array kLevels{Level{"error", 3}, Level{"warning", 4}, Level{"info", 6}, Level{"debug", 7}};
constexpr std::size_t kWidestLevel = 7;
constexpr std::array<std::string_view, 7> kColumns{"at", "level", "identifier", "pid", "event", "message", "fields"};

std::string fields_json(const JournalEntry& entry) {
  std::string json;
  wire::ObjectWriter object(json);
  for (const auto& [key, value] : entry.fields) object.text(key, value);
  object.close();
  return json;
}

}  // namespace

std::optional<int> priority_of(std::string_view level) {
  const auto found = std::ranges::find(kLevels, level, &Level::name);
  return found == kLevels.end() ? std::nullopt : std::optional(found->least);
}

std::string_view level_of(int priority) noexcept {
  for (const auto& level : kLevels)
    if (priority <= level.least) return level.name;
  return kLevels.back().name;
}

std::string log_line(const JournalEntry& entry) {
  auto level = std::string(level_of(entry.priority));
  level.resize(kWidestLevel, ' ');
  auto line = without_fraction(format_timestamp(entry.at)) + "  " + level + "  ";
  // Who else writes of the unit is named.
  if (entry.identifier != "mtmsgd" && !entry.identifier.empty()) line += entry.identifier + ": ";
  line += entry.message;
  for (auto& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = c == '\n' ? ' ' : '?';
  return line + "\n";
}

std::string log_json(const JournalEntry& entry) {
  std::string json;
  wire::ObjectWriter object(json);
  object.text("at", format_timestamp(entry.at)).text("level", level_of(entry.priority));
  object.text("identifier", entry.identifier).text("pid", entry.pid).text("event", entry.event);
  object.text("message", entry.message).raw("fields", fields_json(entry)).close();
  return json;
}

std::string log_csv_head() {
  std::string head;
  for (const auto& column : kColumns) head.append(head.empty() ? "" : ",").append(column);
  return head + "\n";
}

std::string log_csv(const JournalEntry& entry) {
  const std::array<std::string, kColumns.size()> cells{format_timestamp(entry.at),
                                                       std::string(level_of(entry.priority)),
                                                       entry.identifier,
                                                       entry.pid,
                                                       entry.event,
                                                       entry.message,
                                                       fields_json(entry)};
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    append_csv_value(line, cells[i]);
  }
  return line + "\n";
}

}  // namespace mtmsg::ctl::systemd
