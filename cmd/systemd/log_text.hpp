#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cmd/systemd/journal.hpp"

/// An entry of the journal in each of the formats. Pure.
namespace mtmsg::ctl::systemd {

/// syslog's number for the least grave of a level's; mtmsgd has the levels error, warning, info and debug.
std::optional<int> priority_of(std::string_view level);
std::string_view level_of(int priority) noexcept;

/// "2026-01-31T12:00:00Z  warning  message": one line, whatever the message has in it.
std::string log_line(const JournalEntry& entry);
/// {"at","level","identifier","pid","event","message","fields":{…}}
std::string log_json(const JournalEntry& entry);
/// The same as columns; "fields" is JSON.
std::string log_csv_head();
std::string log_csv(const JournalEntry& entry);

}  // namespace mtmsg::ctl::systemd
