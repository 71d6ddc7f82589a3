#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/tenant.hpp"

namespace mtmsg::store {

using DaemonId = TypedUuid<struct DaemonIdKind>;

/// A daemon that did not beat for so long is taken for frozen or gone. By the database's clock.
inline constexpr std::chrono::seconds kSilence{10};

/// What a daemon says of itself.
struct Daemon {
  DaemonId id;
  std::string host;
  int pid = 0;
  std::string version;
};

/// One row of `daemons`.
struct DaemonSeen {
  Daemon daemon;
  Timestamp started_at;
  Timestamp beat_at;
  bool silent = false;  ///< for kSilence or longer: frozen, gone, or cut off
};

/// The rows of `daemons`: who shares the work on this database. Any thread; each call is one short transaction. A peer
/// that finds a tenant's counter held ends the sessions in which a daemon that was silent for kSilence has a
/// transaction open: only so a daemon that is stopped in the middle of one does not stop its tenants everywhere.
/// Errors: database_unavailable.
class Presence {
 public:
  virtual ~Presence() = default;
  /// To be called more often than every kSilence. Also forgets daemons that are long gone.
  virtual Result<void> beat(const Daemon& self) = 0;
  /// All that are known, in the order of their start; the dead are forgotten after a day.
  virtual Result<std::vector<DaemonSeen>> list() = 0;
  /// A clean end.
  virtual Result<void> leave(DaemonId self) = 0;
};

}  // namespace mtmsg::store
