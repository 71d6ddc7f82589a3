#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "broker/session.hpp"

namespace mtmsg::broker {

/// What a link tells its owner; on the link thread, and must not throw.
class LinkHandler : public SessionHandler {
 public:
  /// A new connection stands. Tags, channels and consumers of an older one are void. Typically spawns a coroutine on
  /// Link::executor() that opens channels. The reference is valid until on_closed.
  virtual void on_connected(Session& session) noexcept = 0;
  /// A try to connect failed, for another reason than the try before it (so once per change, not once per try).
  virtual void on_connect_failed(const Error&) noexcept {}

 protected:
  ~LinkHandler() = default;
};

/// What anybody may know of a link.
struct LinkStatus {
  bool connected = false;
  bool blocked = false;                         ///< connection.blocked
  std::string blocked_reason;                   ///< what the broker said with it
  std::string last_error;                       ///< why it is not connected; empty while it is
  std::chrono::system_clock::time_point since;  ///< of the last change of `connected`
};

/// One thread, one io_context, one connection that is made again (exponential back-off with jitter, at most
/// core/backoff.hpp's cap) for as long as the link runs. Its executor is the only doorway: whoever wants to touch
/// the session posts there.
class Link {
 public:
  Link(ConnectOptions options, LinkHandler& handler);
  /// Stops first if need be.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  /// Any thread but the link's. Closes the connection in order (connection.close) and joins the thread. Idempotent; it
  /// does not start again, and on_closed is not called.
  void stop();

  asio::any_io_executor executor();
  /// Link thread only. Ends the connection without a word, as if it had been lost; on_closed is called, and the next
  /// host's turn comes. For a broker that keeps the connection but does not do what it is for.
  void give_up(const Error& why);
  /// Link thread only: null while not connected.
  Session* session() noexcept;
  /// Any thread.
  LinkStatus status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::broker
