#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "wire/message.hpp"

struct sd_journal;

namespace mtmsg::ctl::systemd {

struct JournalQuery {
  std::string unit;
  std::optional<std::size_t> lines;  ///< only the last so many
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;  ///< not included
  int least_priority = 7;          ///< syslog's numbers: 0 is the gravest, 7 everything
};

struct JournalEntry {
  Timestamp at;
  int priority = 6;
  std::string identifier;  ///< who wrote it: "mtmsgd", "systemd"
  std::string pid;
  std::string message;  ///< at most 64 KiB; anything may be in it
  std::string event;    ///< mtmsgd's name of what happened; empty for other writers
  /// What else mtmsgd says of it, in lower case: {"tenant","…"}.
  std::vector<std::pair<std::string, std::string>> fields;
};

/// What a unit wrote to the system's journal, and what systemd wrote about it, oldest first. One thread.
class Journal {
 public:
  /// Error: timeout when the journal can't be opened.
  static Result<Journal> open(const JournalQuery& query);
  /// Only what is written from now on.
  static Result<Journal> open_at_end(const std::string& unit);

  /// None at the end, which may not stay so.
  Result<std::optional<JournalEntry>> next();
  /// Until something is written, or `patience` is over.
  Result<void> wait(std::chrono::milliseconds patience);

 private:
  struct Close {
    void operator()(sd_journal* journal) const noexcept;
  };
  explicit Journal(sd_journal* journal) noexcept : journal_(journal) {}
  Result<void> select(const JournalQuery& query);
  Result<void> seek(const JournalQuery& query);

  std::unique_ptr<sd_journal, Close> journal_;
  std::optional<Timestamp> until_;
  bool at_entry_ = false;  ///< the current entry was not given out yet
};

/// May this process read all of the system's journal? Those who may not see their own entries only.
bool may_read_journal();

}  // namespace mtmsg::ctl::systemd
