#include "cmd/systemd/verdict.hpp"

#include <sys/wait.h>

namespace mtmsg::ctl::systemd {
namespace {

// mtmsgd(8): what is wrong is the command line or the configuration.
constexpr int kWrongConfiguration = 2;
constexpr auto kSeeLogs = "'mtmsgctl service logs' tells why.";
constexpr auto kSeeConfiguration =
    "'mtmsgctl config check' tells what is wrong with the configuration, 'mtmsgctl service logs' what the daemon said.";

std::string_view verb_of(JobKind kind) {
  switch (kind) {
    case JobKind::start:
      return "start";
    case JobKind::stop:
      return "stop";
    case JobKind::restart:
      return "restart";
    case JobKind::reload:
      return "reload";
  }
  return "";
}

bool runs(const UnitStatus& status) {
  return status.active_state == "active" || status.active_state == "reloading";
}

std::string failure_step(const std::optional<UnitStatus>& after) {
  if (!after) return kSeeLogs;
  if (after->result == "start-limit-hit")
    return "Mend what 'mtmsgctl service logs' shows, then 'systemctl reset-failed " + after->unit + "', then start.";
  const bool configuration = after->exit_code == CLD_EXITED && after->exit_status == kWrongConfiguration;
  return configuration ? kSeeConfiguration : kSeeLogs;
}

Verdict failed(JobKind kind, const std::string& unit, const std::string& result,
               const std::optional<UnitStatus>& after) {
  auto text = "the " + std::string(verb_of(kind)) + " of " + unit + " ended with '" + result + "'";
  if (result == "canceled") return {ExitCode::refused, text + ": another job took its place", {}};
  if (result == "dependency")
    return {ExitCode::refused, text + ": something it needs did not start",
            "'systemctl list-dependencies " + unit + "' shows what it needs."};
  if (after)
    if (const auto how = how_it_ended(*after); !how.empty()) text += ": " + how;
  return {ExitCode::refused, std::move(text), failure_step(after)};
}

Verdict succeeded(JobKind kind, const std::string& unit, const UnitStatus& after) {
  const auto process = after.main_pid != 0 ? " (process " + std::to_string(after.main_pid) + ")" : "";
  if (kind == JobKind::stop) {
    const auto how = how_it_ended(after);
    return {ExitCode::done, unit + " is stopped" + (how.empty() ? "." : "; " + how + "."), {}};
  }
  if (runs(after)) return {ExitCode::done, unit + " is running" + process + ".", {}};
  // A unit that is no Type=notify is started as soon as it has a process.
  const auto how = how_it_ended(after);
  return {ExitCode::refused, unit + " was started, and is " + after.active_state + (how.empty() ? "" : ": " + how),
          failure_step(after)};
}

}  // namespace

std::string how_it_ended(const UnitStatus& status) {
  const auto& result = status.result;
  if (result.empty() || result == "success") return {};
  if (result == "exit-code") return "its process ended with status " + std::to_string(status.exit_status);
  if (result == "signal") return "its process was ended by signal " + std::to_string(status.exit_status);
  if (result == "core-dump") return "its process crashed with signal " + std::to_string(status.exit_status);
  if (result == "timeout") return "it took longer than the unit allows";
  if (result == "watchdog") return "it no longer answered the watchdog";
  if (result == "oom-kill") return "the system ran out of memory";
  if (result == "protocol") return "its process ended before it was ready";
  if (result == "start-limit-hit") return "it was started too often in a short time";
  return "its result is '" + result + "'";
}

ExitCode exit_code_of(const UnitStatus& status) {
  if (runs(status)) return ExitCode::done;
  return status.load_state == "not-found" ? ExitCode::refused : ExitCode::unreachable;
}

std::string next_step_for(const UnitStatus& status) {
  if (runs(status)) return {};
  if (status.load_state == "not-found")
    return "There is no unit " + status.unit + ". Name another with --unit; 'systemctl list-units' lists them.";
  if (status.load_state == "masked") return "'systemctl unmask " + status.unit + "' lets it be started again.";
  if (status.load_state == "bad-setting" || status.load_state == "error")
    return "'systemd-analyze verify " + status.unit + "' tells what is wrong with the unit.";
  if (status.active_state == "failed") return failure_step(status);
  if (status.active_state == "activating" && status.sub_state == "auto-restart")
    return "It ends, and systemd starts it again. " + failure_step(status);
  if (status.active_state == "inactive") return "'mtmsgctl service start' starts it.";
  return {};
}

Verdict verdict_of(JobKind kind, const std::string& unit, const JobOutcome& outcome,
                   const std::optional<UnitStatus>& after) {
  if (!outcome.result) {
    const auto state = after ? " (" + after->active_state + ", " + after->sub_state + ")" : "";
    return {ExitCode::partly,
            "the " + std::string(verb_of(kind)) + " of " + unit + " has not ended yet" + state +
                "; systemd goes on with it",
            "'mtmsgctl service status' shows how far it is; --wait waits longer."};
  }
  if (*outcome.result != "done") return failed(kind, unit, *outcome.result, after);
  if (!after) return {ExitCode::done, "the " + std::string(verb_of(kind)) + " of " + unit + " is done.", {}};
  return succeeded(kind, unit, *after);
}

void ReloadReport::see(const JournalEntry& entry) {
  const auto field = [&](std::string_view name) -> std::string {
    for (const auto& [key, value] : entry.fields)
      if (key == name) return value;
    return {};
  };
  if (entry.event == "reloaded") {
    taken_over_ = true;
    const auto changed = field("changed");
    lines_.push_back(changed.empty() ? "No option changed; keys and certificates were read again."
                                     : "Taken over: " + changed + ".");
  } else if (entry.event == "restart_needed") {
    lines_.push_back("Only a restart takes these over: " + field("options") + ".");
  } else if (entry.event == "bad_configuration" || entry.event == "not_reloaded") {
    refused_ |= entry.event == "not_reloaded";
    lines_.push_back(entry.message);
  }
}

}  // namespace mtmsg::ctl::systemd
