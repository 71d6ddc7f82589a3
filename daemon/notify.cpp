#include "daemon/notify.hpp"

#include <string>

#include <systemd/sd-daemon.h>

#include "daemon/log.hpp"

namespace mtmsg::daemon {
namespace {

void send(const std::string& state) {
  (void)sd_notify(0, state.c_str());
}

std::string status_line(std::string_view status) {
  return "STATUS=" + escape_log_text(status);
}

}  // namespace

void notify_ready(std::string_view status) {
  send("READY=1\n" + status_line(status));
}

void notify_reloading() {
  // The manager compares it with its own CLOCK_MONOTONIC, which is what steady_clock reads on Linux.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  send("RELOADING=1\nMONOTONIC_USEC=" +
       std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void notify_stopping(std::string_view status) {
  send("STOPPING=1\n" + status_line(status));
}

void notify_status(std::string_view status) {
  send(status_line(status));
}

void notify_extend_timeout(std::chrono::microseconds patience) {
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(patience.count()));
}

}  // namespace mtmsg::daemon
