#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/presence.hpp"

namespace mtmsg::tenants {

/// Says to the other daemons that this one lives, from a thread of its own: one statement every two seconds. A beat
/// that fails is not an event: the writers and /readyz notice that the database is away.
class Heartbeat {
 public:
  Heartbeat(store::Presence& presence, store::Daemon self) : presence_(presence), self_(std::move(self)) {}
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// From its return on the others wait for this daemon. Idempotent; nothing after a stop. Not before this one can do
  /// its part: a delete would wait for it.
  void start();
  /// Leaves, if the database lets it; does not wait for it.
  void ask_to_stop();
  /// Idempotent.
  void stop();

 private:
  void run();

  store::Presence& presence_;
  const store::Daemon self_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< guarded by mutex_
  std::thread thread_;     ///< started under mutex_
};

}  // namespace mtmsg::tenants
