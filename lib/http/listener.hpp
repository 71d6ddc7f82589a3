#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "auth/authenticator.hpp"
#include "core/result.hpp"
#include "http/file_descriptor.hpp"

/// The sockets the server listens on. Foreign errors become mtmsg::Error here. Any thread.
namespace mtmsg::http {

/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (which is 127.0.0.1). Port 0: the system picks one.
struct ListenAddress {
  std::string host;  ///< numeric
  std::uint16_t port = 0;
  bool loopback = false;
};
/// Error: invalid_argument.
Result<ListenAddress> parse_listen_address(std::string_view text);

struct UnixListen {
  std::string path;
  mode_t mode = 0660;
  std::string group;  ///< empty: the process's own
};

/// A listening socket. Move-only. Closing a Unix one removes its file if it is still the one it made.
class Listener {
 public:
  /// Errors: conflict (in use), invalid_argument, forbidden, internal.
  static Result<Listener> tcp(const ListenAddress& address);
  /// Removes a socket file nobody listens on; a file that is no socket, or one that answers, is a conflict. Nobody can
  /// connect before mode and group are set.
  static Result<Listener> unix_socket(const UnixListen& options);

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(path_, other.path_);
    std::swap(inode_, other.inode_);
    return *this;
  }
  ~Listener();

  int fd() const noexcept { return socket_.get(); }
  std::uint16_t port() const noexcept;  ///< TCP: the one in use

 private:
  Listener(FileDescriptor socket, std::string path, ino_t inode)
      : socket_(std::move(socket)), path_(std::move(path)), inode_(inode) {}

  FileDescriptor socket_;
  std::string path_;
  ino_t inode_ = 0;
};

/// Who is at the other end of a connected socket; nullopt when it has gone already.
std::optional<auth::Peer> peer_of(int fd);

}  // namespace mtmsg::http
