#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include "broker/amqp/endpoint.hpp"
#include "core/result.hpp"

namespace mtmsg::broker::amqp {

/// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();

  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Ends what another thread does on a socket: its connecting, its handshake, or a write that the broker does not
/// read. Any thread.
class Interruption {
 public:
  /// For good: the socket at hand is shut down, and so is every later one as soon as it is attached.
  void interrupt() noexcept;
  /// The same, but a socket that is past its handshake is left to close in order.
  void interrupt_handshake() noexcept;

  /// Keeps a descriptor of its own for the socket, because the library closes its one when it likes. Returns what
  /// detach() takes; a socket attached later is not its business.
  std::uint64_t attach(int fd) noexcept;
  void handshake_done() noexcept;
  void detach(std::uint64_t attachment) noexcept;
  bool interrupted() const noexcept;

 private:
  void shut_down() noexcept;

  mutable std::mutex mutex_;  // guards all below
  UniqueFd fd_;
  std::uint64_t attachment_ = 0;
  bool handshake_ = false;
  bool interrupted_ = false;
};

struct Dialled {
  UniqueFd fd;
  std::uint64_t attachment = 0;
};

/// A connected, non-blocking TCP socket, with keepalive, no delay, and an end to writes nobody acknowledges within
/// `send_limit`. It is attached to `interruption` from before it connects. Tries every address until `deadline`.
/// Error: broker_unavailable.
Result<Dialled> dial(const Endpoint& endpoint, std::chrono::steady_clock::time_point deadline,
                     std::chrono::milliseconds send_limit, Interruption& interruption);

}  // namespace mtmsg::broker::amqp
