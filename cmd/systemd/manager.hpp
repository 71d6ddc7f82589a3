#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "wire/message.hpp"

/// The edge to systemd: sd-bus and sd-journal are known in this folder only.
namespace mtmsg::ctl::systemd {

/// A unit as systemd sees it (org.freedesktop.systemd1(5)). What it does not know is empty.
struct UnitStatus {
  std::string unit;
  std::string description;
  std::string load_state;    ///< "loaded", "not-found", "masked", "bad-setting" …
  std::string active_state;  ///< "active", "reloading", "inactive", "failed", "activating", "deactivating"
  std::string sub_state;     ///< "running", "dead", "auto-restart" …
  std::string enabled;       ///< UnitFileState: "enabled", "disabled", "static" …
  std::string result;        ///< how it ended last: "success", "exit-code", "timeout", "oom-kill" …
  std::string status_text;   ///< what the daemon says of itself (sd_notify STATUS=)
  std::uint32_t main_pid = 0;
  int exit_code = 0;    ///< si_code of the main process that ended last: 0 while there was none
  int exit_status = 0;  ///< its status, or the number of the signal
  std::uint32_t restarts = 0;
  std::optional<Timestamp> since;  ///< of the last change of the state
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> tasks;
};

enum class JobKind { start, stop, restart, reload };

/// How a job of systemd went. Without a result it goes on: nobody waited for its end.
struct JobOutcome {
  std::optional<std::string> result;  ///< "done", "failed", "canceled", "timeout", "dependency", "skipped" …
};

/// systemd's manager. One thread; calls block. Errors: not_found (no such unit), forbidden (polkit or the bus says no),
/// conflict (not in this state), timeout (the connection broke, or no answer), internal with systemd's own words.
class Manager {
 public:
  virtual ~Manager() = default;
  virtual Result<UnitStatus> status(const std::string& unit) = 0;
  /// Queues the job and waits for its end, but no longer than `patience`; it goes on then.
  virtual Result<JobOutcome> run(JobKind kind, const std::string& unit, std::chrono::seconds patience) = 0;
};

/// Does systemd run this machine (sd_booted(3))?
bool is_running() noexcept;

/// root talks to systemd itself, as systemctl does, so that it works without a bus. Error: timeout when nobody answers.
Result<std::unique_ptr<Manager>> connect();

}  // namespace mtmsg::ctl::systemd
