#pragma once

namespace mtmsg::ctl {

/// What the shell gets; part of the interface (EXIT STATUS in mtmsgctl(1)).
enum class ExitCode : int {
  done = 0,
  refused = 1,      ///< the server said no, or there is no such thing
  usage = 2,        ///< wrong arguments; nothing was asked
  unreachable = 3,  ///< no server, or it broke off
  partly = 4,       ///< some of it was done
  busy = 5,         ///< another run is at it
  history = 6,      ///< an export does not follow on: messages were removed before it, or the database was restored
};

}  // namespace mtmsg::ctl
