#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace mtmsg::store::pg {

/// Ends a connection's conversation from another thread: whoever waits for the server's answer gets "connection lost"
/// at once, even if the server is frozen (PQcancel would wait for it, and would miss a gap between two statements).
/// The server rolls back when it notices. Any thread; holds its own descriptor of the socket, so it may outlive it.
class Interrupter {
 public:
  explicit Interrupter(int socket);
  ~Interrupter();
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;
  void interrupt() noexcept;

 private:
  int fd_;
};

/// All sessions of one Database, so that the daemon's end can end them together. Any thread.
class Sessions {
 public:
  Sessions();
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// Remembers it for as long as its session lives; interrupts it at once after end().
  void add(const std::shared_ptr<Interrupter>& session);
  /// Interrupts every session, now and in future. Idempotent.
  void end() noexcept;
  bool ended() const noexcept;
  /// Readable from end() on: for whoever waits for another descriptor meanwhile.
  int descriptor() const noexcept { return end_event_; }

 private:
  const int end_event_;
  mutable std::mutex mutex_;  ///< guards what follows
  bool ended_ = false;
  std::vector<std::weak_ptr<Interrupter>> sessions_;
};

}  // namespace mtmsg::store::pg
