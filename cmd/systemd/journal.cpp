#include "cmd/systemd/journal.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

namespace mtmsg::ctl::systemd {
namespace {

constexpr std::size_t kLongestField = std::size_t{64} * 1024;
constexpr std::string_view kOurs = "MTMSG_";

Error trouble(int code) {
  return fail(ErrorCode::timeout, std::string("the system's journal can't be read: ") + std::strerror(-code));
}

std::uint64_t microseconds_of(Timestamp time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

std::string lower(std::string_view name) {
  std::string out(name);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void take_field(JournalEntry& entry, std::string_view name, std::string_view value) {
  if (name == "MESSAGE")
    entry.message = value;
  else if (name == "PRIORITY")
    (void)std::from_chars(value.data(), value.data() + value.size(), entry.priority);
  else if (name == "SYSLOG_IDENTIFIER")
    entry.identifier = value;
  else if (name == "_PID")
    entry.pid = value;
  else if (name == "MTMSG_EVENT")
    entry.event = value;
  else if (name.starts_with(kOurs))
    entry.fields.emplace_back(lower(name.substr(kOurs.size())), value);
}

JournalEntry read_entry(sd_journal* journal) {
  JournalEntry entry;
  std::uint64_t at = 0;
  if (sd_journal_get_realtime_usec(journal, &at) >= 0) entry.at = Timestamp(std::chrono::microseconds(at));
  const void* data = nullptr;
  std::size_t size = 0;
  sd_journal_restart_data(journal);
  while (sd_journal_enumerate_available_data(journal, &data, &size) > 0) {
    const std::string_view field(static_cast<const char*>(data), size);
    const auto equals = field.find('=');
    if (equals != std::string_view::npos) take_field(entry, field.substr(0, equals), field.substr(equals + 1));
  }
  std::ranges::sort(entry.fields);
  return entry;
}

}  // namespace

void Journal::Close::operator()(sd_journal* journal) const noexcept {
  sd_journal_close(journal);
}

Result<Journal> Journal::open(const JournalQuery& query) {
  sd_journal* raw = nullptr;
  if (const int code = sd_journal_open(&raw, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM); code < 0) return trouble(code);
  Journal journal(raw);
  if (const int code = sd_journal_set_data_threshold(raw, kLongestField); code < 0) return trouble(code);
  if (auto selected = journal.select(query); selected.has_error()) return selected.error();
  if (auto sought = journal.seek(query); sought.has_error()) return sought.error();
  return journal;
}

Result<Journal> Journal::open_at_end(const std::string& unit) {
  JournalQuery query;
  query.unit = unit;
  query.lines = 0;
  return open(query);
}

/// The unit's own entries, systemd's about it, and those of helpers such as systemd-coredump, as journalctl -u has
/// them.
Result<void> Journal::select(const JournalQuery& query) {
  auto* journal = journal_.get();
  int code = 0;
  const auto match = [&](const std::string& text) {
    if (code >= 0) code = sd_journal_add_match(journal, text.data(), text.size());
  };
  const auto or_else = [&] {
    if (code >= 0) code = sd_journal_add_disjunction(journal);
  };
  match("_SYSTEMD_UNIT=" + query.unit);
  or_else();
  match("_PID=1");
  match("UNIT=" + query.unit);
  or_else();
  match("_UID=0");
  match("OBJECT_SYSTEMD_UNIT=" + query.unit);
  if (query.least_priority < 7) {
    if (code >= 0) code = sd_journal_add_conjunction(journal);
    for (int priority = 0; priority <= query.least_priority; ++priority) match("PRIORITY=" + std::to_string(priority));
  }
  if (code < 0) return trouble(code);
  until_ = query.until;
  return {};
}

Result<void> Journal::seek(const JournalQuery& query) {
  auto* journal = journal_.get();
  const auto since = query.since ? microseconds_of(*query.since) : 0;
  int code = 0;
  if (!query.lines) {
    code = query.since ? sd_journal_seek_realtime_usec(journal, since) : sd_journal_seek_head(journal);
    return code < 0 ? Result<void>(trouble(code)) : Result<void>();
  }
  code = query.until ? sd_journal_seek_realtime_usec(journal, microseconds_of(*query.until))
                     : sd_journal_seek_tail(journal);
  std::size_t found = 0;
  const auto wanted = std::max<std::size_t>(*query.lines, 1);  // of none, the last one is stepped over
  while (code >= 0 && found < wanted) {
    code = sd_journal_previous(journal);
    if (code <= 0) break;
    std::uint64_t at = 0;
    if (code = sd_journal_get_realtime_usec(journal, &at); code < 0) break;
    if (query.until && at >= microseconds_of(*query.until)) continue;  // seeking is not that exact
    if (at < since) {
      // One too far back.
      code = found > 0 ? sd_journal_next(journal) : sd_journal_seek_realtime_usec(journal, since);
      break;
    }
    ++found;
  }
  if (found == 0 && code == 0 && !query.since) code = sd_journal_seek_head(journal);
  if (code < 0) return trouble(code);
  at_entry_ = found > 0 && *query.lines > 0;
  return {};
}

Result<std::optional<JournalEntry>> Journal::next() {
  if (!at_entry_) {
    const int code = sd_journal_next(journal_.get());
    if (code < 0) return trouble(code);
    if (code == 0) return std::optional<JournalEntry>();
  }
  at_entry_ = false;
  auto entry = read_entry(journal_.get());
  if (until_ && entry.at >= *until_) return std::optional<JournalEntry>();
  return std::optional(std::move(entry));
}

Result<void> Journal::wait(std::chrono::milliseconds patience) {
  const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
  if (const int code = sd_journal_wait(journal_.get(), static_cast<std::uint64_t>(limit)); code < 0)
    return trouble(code);
  return {};
}

bool may_read_journal() {
  sd_id128_t machine;
  if (sd_id128_get_machine(&machine) < 0) return true;
  char id[SD_ID128_STRING_MAX];
  sd_id128_to_string(machine, id);
  for (const auto* directory : {"/var/log/journal/", "/run/log/journal/"}) {
    const auto file = std::string(directory) + id + "/system.journal";
    if (::access(file.c_str(), F_OK) == 0 && ::access(file.c_str(), R_OK) != 0) return false;
  }
  return true;
}

}  // namespace mtmsg::ctl::systemd
