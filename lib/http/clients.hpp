#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "auth/authenticator.hpp"

/// Who shares limits: what one client holds is bounded, so that it can't hold everything.
namespace mtmsg::http {

/// One of a number of places, for as long as the object lives. Any thread.
class Place {
 public:
  Place(std::atomic<std::size_t>& count, std::size_t limit) : count_(count), taken_(++count <= limit) {}
  ~Place() { --count_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  explicit operator bool() const noexcept { return taken_; }

 private:
  std::atomic<std::size_t>& count_;
  const bool taken_;
};

/// What one client holds at the moment.
struct Client {
  std::string key;
  std::size_t connections = 0;          ///< loop thread only
  std::size_t bytes = 0;                ///< held for it by the loop; loop thread only
  std::atomic<std::size_t> streams{0};  ///< answers of unknown length
  std::atomic<std::size_t> waits{0};    ///< workers that wait for it
};

/// What stands for a client: an IPv4 address; an IPv6 /64, which is what one customer has at the least; a user of this
/// machine on the Unix socket.
std::string client_key(const auth::Peer& peer);

/// Those who have a connection. Loop thread only.
class Clients {
 public:
  /// One more connection of the client; leave() takes it back. The reference holds until its last connection left.
  Client& enter(const auth::Peer& peer);
  void leave(Client& client);
  std::size_t connections() const noexcept { return connections_; }

 private:
  std::unordered_map<std::string, std::unique_ptr<Client>> clients_;
  std::size_t connections_ = 0;
};

}  // namespace mtmsg::http
