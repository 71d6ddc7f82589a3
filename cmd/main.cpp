#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/app.hpp"
#include "cmd/globals.hpp"
#include "cmd/profile.hpp"

namespace {

unsigned terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// https://no-color.org: set and not empty.
bool colour_allowed() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mtmsg::ctl;
  // A daemon that goes away in the middle of a request is an error to report, not a signal to die of.
  std::signal(SIGPIPE, SIG_IGN);
  // Likewise a file that becomes larger than it may (RLIMIT_FSIZE).
  std::signal(SIGXFSZ, SIG_IGN);
  std::ios::sync_with_stdio(false);
  FileSink out(STDOUT_FILENO);
  FileSink err(STDERR_FILENO);
  const bool err_is_terminal = isatty(STDERR_FILENO) == 1;
  const Surroundings around{out,
                            err,
                            std::cin,
                            isatty(STDIN_FILENO) == 1,
                            isatty(STDOUT_FILENO) == 1,
                            err_is_terminal,
                            err_is_terminal && colour_allowed(),
                            terminal_columns()};
  try {
    const std::vector<std::string> args(argv + 1, argv + argc);
    return static_cast<int>(run(args, around, profiles_file()));
  } catch (const ReaderGone&) {
    // As every tool in a pipe whose reader has seen enough.
    std::signal(SIGPIPE, SIG_DFL);
    return std::raise(SIGPIPE);
  } catch (...) {
    return static_cast<int>(ExitCode::refused);
  }
}
