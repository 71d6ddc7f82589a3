#include "cmd/top/terminal.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/result.hpp"

namespace mtmsg::ctl::top {
namespace {

// ECMA-48, and xterm's private modes 1049 (a page of its own) and 25 (the cursor): what every terminal of today knows.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr std::string_view kToTop = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";
constexpr std::string_view kReverse = "\x1b[7m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kPlain = "\x1b[0m";

/// So long after an escape nothing more belongs to it.
constexpr std::chrono::milliseconds kEscapeTime{50};

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the terminal went away: the next poll says so
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void give_up(const char* what) {
  throw Failure(fail(ErrorCode::internal, std::string(what) + ": " + std::strerror(errno)));
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT}) sigaddset(&set, signal);
  return set;
}

int open_signals(const sigset_t& set) {
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) give_up("signals can't be watched");
  return fd;
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

Terminal::Terminal() : watched_(watched_signals()), signals_(open_signals(watched_)) {
  if (tcgetattr(STDIN_FILENO, &before_) != 0) give_up("the terminal can't be asked for its settings");
  pthread_sigmask(SIG_BLOCK, &watched_, &blocked_before_);
  enter();
}

Terminal::~Terminal() {
  leave();
  pthread_sigmask(SIG_SETMASK, &blocked_before_, nullptr);
}

void Terminal::enter() {
  auto raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0) give_up("the terminal can't be set up");
  write_all(kEnter);
}

void Terminal::leave() noexcept {
  write_all(kLeave);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

Terminal::Event Terminal::wait(int wake, std::chrono::milliseconds time) {
  pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {wake, POLLIN, 0}};
  Event event;
  if (::poll(watched, std::size(watched), static_cast<int>(std::max<std::int64_t>(time.count(), 0))) < 0) {
    if (errno != EINTR) give_up("the terminal can't be waited for");
    return event;
  }
  if (watched[1].revents != 0) read_signals(event);
  if ((watched[0].revents & POLLIN) != 0) read_keys(event);
  if ((watched[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) event.ended = true;
  return event;
}

void Terminal::read_keys(Event& event) {
  char bytes[256];
  const auto got = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (got <= 0) {
    event.ended = got == 0 || (errno != EINTR && errno != EAGAIN);
    return;
  }
  event.keys = keys_.feed({bytes, static_cast<std::size_t>(got)});
  pollfd more{STDIN_FILENO, POLLIN, 0};
  if (::poll(&more, 1, static_cast<int>(kEscapeTime.count())) == 0)
    if (const auto key = keys_.settle()) event.keys.push_back(*key);
}

void Terminal::read_signals(Event& event) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    switch (static_cast<int>(info.ssi_signo)) {
      case SIGTSTP:
        suspend();
        event.resized = true;
        break;
      case SIGWINCH:
      case SIGCONT:
        event.resized = true;
        break;
      default:
        event.ended = true;
    }
  }
}

/// The shell has the terminal as it was, until it lets us go on.
void Terminal::suspend() {
  leave();
  std::raise(SIGSTOP);
  enter();
}

Size Terminal::size() const {
  winsize now{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) != 0 || now.ws_col == 0 || now.ws_row == 0) return {};
  return {now.ws_col, now.ws_row};
}

void Terminal::show(const std::vector<Line>& lines, bool colour) {
  write_all(frame(lines, colour));
}

bool can_draw(const char* term) noexcept {
  return term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0;
}

std::string frame(const std::vector<Line>& lines, bool colour) {
  std::string out(kToTop);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\r\n";
    const auto& line = lines[i];
    if (line.look == Line::Look::title) out += kReverse;
    if (line.look == Line::Look::alarm) out += colour ? kRed : kBold;
    out += line.text;
    if (line.look != Line::Look::plain) out += kPlain;
    out += kClearLine;
  }
  out += kClearBelow;
  return out;
}

}  // namespace mtmsg::ctl::top
