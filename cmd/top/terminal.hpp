#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <signal.h>
#include <termios.h>

#include "cmd/top/keys.hpp"
#include "cmd/top/screen.hpp"

namespace mtmsg::ctl::top {

/// A file descriptor that is closed with the object.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) noexcept : fd_(fd) {}
  ~OwnedFd();
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

/// The terminal on standard input and output, as a screen to draw on: its own page, no cursor, keys as they are
/// pressed. Leaves it as it was, whatever ends the object: destruction, SIGTSTP (until SIGCONT). One thread, which has
/// SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP and SIGCONT blocked meanwhile; threads it makes inherit that.
class Terminal {
 public:
  /// Throws Failure when it can't be put into that state.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  struct Event {
    std::vector<KeyPress> keys;
    bool resized = false;  ///< draw everything again
    bool ended = false;    ///< a signal, or the terminal went away
  };
  /// Waits for keys, signals, `wake` becoming readable, or the time.
  Event wait(int wake, std::chrono::milliseconds time);
  Size size() const;
  void show(const std::vector<Line>& lines, bool colour);

 private:
  void enter();
  void leave() noexcept;
  void read_keys(Event& event);
  void read_signals(Event& event);
  void suspend();

  termios before_{};
  sigset_t watched_{};
  sigset_t blocked_before_{};
  OwnedFd signals_;
  KeyReader keys_;
};

/// Whether TERM says that the terminal can be drawn on.
bool can_draw(const char* term) noexcept;

/// The bytes that show these lines, from the top left on; nothing of what was there stays. Pure.
std::string frame(const std::vector<Line>& lines, bool colour);

}  // namespace mtmsg::ctl::top
