#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/exit_code.hpp"
#include "cmd/systemd/journal.hpp"
#include "cmd/systemd/manager.hpp"

/// What to say about a job, a unit and a reload. Pure.
namespace mtmsg::ctl::systemd {

struct Verdict {
  ExitCode code = ExitCode::done;
  std::string text;
  std::string next_step;  ///< empty when there is nothing to do
};

/// `after`: the unit when the job had ended; absent when systemd would not tell any more.
Verdict verdict_of(JobKind kind, const std::string& unit, const JobOutcome& outcome,
                   const std::optional<UnitStatus>& after);

/// done while it runs, refused when systemd knows no such unit, unreachable when it does not run.
ExitCode exit_code_of(const UnitStatus& status);

/// What can be done about the state it is in; empty when it runs.
std::string next_step_for(const UnitStatus& status);

/// "its process ended with status 2"; empty when it never ended badly.
std::string how_it_ended(const UnitStatus& status);

/// What the daemon's log tells of a reload, entry by entry.
class ReloadReport {
 public:
  void see(const JournalEntry& entry);
  /// Did the daemon say how it went? Then only what needs a restart may come after it.
  bool told() const noexcept { return taken_over_ || refused_; }
  bool refused() const noexcept { return refused_; }
  /// For people, in the order of the log.
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  bool taken_over_ = false;
  bool refused_ = false;
  std::vector<std::string> lines_;
};

}  // namespace mtmsg::ctl::systemd
