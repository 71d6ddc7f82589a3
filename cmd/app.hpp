#pragma once

#include <memory>
#include <span>
#include <string>

#include "cmd/command.hpp"
#include "cmd/context.hpp"
#include "cmd/exit_code.hpp"

namespace mtmsg::ctl {

/// The command tree and what a line filled in. The tree points into the struct, so it stays where it is.
struct CommandLine {
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App root;
  Globals globals;
  Action chosen;
};

/// Parses, runs, reports. `args` without the program's name. Throws only ReaderGone.
ExitCode run(std::span<const std::string> args, Surroundings around);

}  // namespace mtmsg::ctl
