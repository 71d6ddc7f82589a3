#pragma once

#include <iosfwd>
#include <string>

#include "config/loader.hpp"

namespace mtmsg::daemon {

inline constexpr int kExitDone = 0;
inline constexpr int kExitCannotRun = 1;
inline constexpr int kExitUsage = 2;

inline constexpr const char* kDefaultConfigFile = "/etc/mtmsg/mtmsgd.toml";

/// What the command line asks for.
struct CommandLine {
  enum class Action {
    run,
    check_config,
    leave,  ///< everything has been said (help, version, an error): exit with exit_code
  };
  Action action = Action::run;
  std::string config_file = kDefaultConfigFile;
  config::FileRule config_rule = config::FileRule::optional;
  int exit_code = kExitDone;
};

/// Reads the command line; writes help and version to `out`, errors to `err`. MTMSG_CONFIG names the file when
/// --config does not.
CommandLine parse_command_line(int argc, const char* const* argv, const config::Environment& environment,
                               std::ostream& out, std::ostream& err);

/// Every problem of a configuration, a line each, and how many there are. Says nothing when there is none.
void report_problems(const config::Loaded& loaded, std::ostream& err);

/// mtmsgd --check-config: what it would run with on `out`, or all problems on `err`. The exit code.
int check_config(const config::Loaded& loaded, std::ostream& out, std::ostream& err);

}  // namespace mtmsg::daemon
