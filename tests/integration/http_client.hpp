#pragma once

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "http/file_descriptor.hpp"

/// A client that sends any bytes it likes: hostile ones too.
namespace mtmsg::test {

class RawClient {
 public:
  /// `source` is the address to come from: all of 127.0.0.0/8 is this machine.
  static RawClient tcp(std::uint16_t port, std::uint32_t source = INADDR_LOOPBACK) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return RawClient(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address, source);
  }
  static RawClient unix_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return RawClient(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  bool connected() const { return static_cast<bool>(socket_); }
  int fd() const { return socket_.get(); }
  void close() { socket_ = http::FileDescriptor(); }

  /// False when the server has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Waits until `text` has arrived (then everything so far is returned), the end, or the deadline.
  std::string read_until(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::string buffer(64 << 10, '\0');
    while (text.empty() || seen_.find(text) == std::string::npos) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      pollfd descriptor{fd(), POLLIN, 0};
      if (left <= 0 || ::poll(&descriptor, 1, static_cast<int>(left)) <= 0) break;
      const auto n = ::recv(fd(), buffer.data(), buffer.size(), 0);
      if (n <= 0) {
        ended_ = true;
        break;
      }
      seen_.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return seen_;
  }
  /// Everything until the server closes.
  std::string read_all() { return read_until(""); }
  bool ended() const { return ended_; }
  void forget() { seen_.clear(); }
  /// Nothing more will be sent; answers are still read.
  void finish() const { ::shutdown(fd(), SHUT_WR); }

 private:
  RawClient(int family, const sockaddr* address, socklen_t length, std::uint32_t source = INADDR_LOOPBACK)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (source != INADDR_LOOPBACK) {
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = htonl(source);
      (void)::bind(fd(), reinterpret_cast<const sockaddr*>(&from), sizeof from);
    }
    if (::connect(socket_.get(), address, length) != 0) socket_ = http::FileDescriptor();
  }

  http::FileDescriptor socket_;
  std::string seen_;
  bool ended_ = false;
};

}  // namespace mtmsg::test
