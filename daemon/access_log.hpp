#pragma once

#include <string>

#include "daemon/log.hpp"
#include "daemon/repeats.hpp"
#include "http/exchange.hpp"

namespace mtmsg::daemon {

/// What the log tells of requests: each at level debug ("request"); at level info those whose caller was not let in
/// ("request_refused": 401, 403, and 429 before anybody looked who it is), the first of each address and code at once
/// and the others of the next ten seconds as a sum. Failures of the daemon's own are told where they happen. Any
/// thread.
class AccessLog {
 public:
  explicit AccessLog(Log& log) : log_(log) {}

  void note(const http::Answered& answered) noexcept;

 private:
  void refused(const http::Answered& answered);

  Log& log_;
  Repeats repeats_;
};

/// "192.0.2.7:51234", "unix:uid=1000".
std::string peer_text(const auth::Peer& peer);

}  // namespace mtmsg::daemon
