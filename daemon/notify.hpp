#pragma once

#include <chrono>
#include <string_view>

/// What the service manager is told (sd_notify(3)). Without NOTIFY_SOCKET in the environment nothing happens. A text
/// cannot smuggle in other variables. Any thread; failures are not worth stopping for and are ignored.
namespace mtmsg::daemon {

/// READY=1: the daemon serves.
void notify_ready(std::string_view status);
/// RELOADING=1, since now; ends with notify_ready().
void notify_reloading();
/// STOPPING=1.
void notify_stopping(std::string_view status);
/// STATUS=: one line for `systemctl status`.
void notify_status(std::string_view status);
/// EXTEND_TIMEOUT_USEC=: still busy starting or stopping; do not lose patience before this much time has passed.
void notify_extend_timeout(std::chrono::microseconds patience);

}  // namespace mtmsg::daemon
