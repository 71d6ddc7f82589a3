#include "http/listener.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace mtmsg::http {
namespace {

namespace asio = boost::asio;

constexpr int kBacklog = 1024;

Error errno_error(const std::string& what, int error) {
  const auto code = error == EADDRINUSE                         ? ErrorCode::conflict
                    : error == EACCES || error == EPERM         ? ErrorCode::forbidden
                    : error == EADDRNOTAVAIL || error == ENOENT ? ErrorCode::invalid_argument
                                                                : ErrorCode::internal;
  return fail(code, what + ": " + std::generic_category().message(error));
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // what bind(2) and connect(2) ask for
}

/// Frees the path of a socket whose process is gone.
Result<void> remove_stale(const sockaddr_un& address, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? Result<void>() : errno_error(path, errno);
  if (!S_ISSOCK(status.st_mode)) return fail(ErrorCode::conflict, path + " exists and is no socket");
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return errno_error("socket", errno);
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN)
    return fail(ErrorCode::conflict, "another process listens on " + path);
  if (errno != ECONNREFUSED) return errno_error(path, errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error(path, errno);
  return {};
}

Result<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(16384);
  group entry{};
  group* found = nullptr;
  if (const int error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found); error != 0)
    return errno_error("group " + name, error);
  if (!found) return fail(ErrorCode::invalid_argument, "there is no group \"" + name + "\"");
  return entry.gr_gid;
}

std::optional<auth::Peer> unix_peer(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
  auth::Peer peer;
  peer.transport = auth::Peer::Transport::unix_socket;
  peer.address = "unix:uid=" + std::to_string(credentials.uid);
  peer.uid = credentials.uid;
  peer.gid = credentials.gid;
  peer.pid = credentials.pid;
  return peer;
}

bool is_loopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument,
                "\"" + std::string(text) + "\" is no address to listen on; write 127.0.0.1:8080 or [::1]:8080");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  ListenAddress address{std::string(host), 0, false};
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), address.port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return wrong();
  boost::system::error_code ec;
  const auto parsed = asio::ip::make_address(address.host, ec);
  if (ec || parsed.is_v6() != bracketed) return wrong();
  address.loopback = is_loopback(parsed);
  return address;
}

Result<Listener> Listener::tcp(const ListenAddress& address) {
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  const auto name = "listen on " + address.host + " port " + std::to_string(address.port);
  FileDescriptor socket(
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!socket) return errno_error(name, errno);
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return errno_error(name, errno);
  if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
    return errno_error(name, errno);
  if (::listen(socket.get(), kBacklog) != 0) return errno_error(name, errno);
  return Listener(std::move(socket), {}, 0);
}

Result<Listener> Listener::unix_socket(const UnixListen& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.empty() || options.path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::invalid_argument, "a socket's path has 1 to 107 bytes: \"" + options.path + "\"");
  std::memcpy(address.sun_path, options.path.data(), options.path.size());
  const auto name = "listen on " + options.path;
  if (auto removed = remove_stale(address, options.path); !removed) return Error(removed.error()).with_context(name);

  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::bind(socket.get(), generic(address), sizeof address) != 0) return errno_error(name, errno);
  struct stat status {};
  if (::lstat(options.path.c_str(), &status) != 0) return errno_error(name, errno);
  Listener listener(std::move(socket), options.path, status.st_ino);
  // Until listen(2), connect(2) is refused: nobody gets in under the mode that umask left.
  if (!options.group.empty()) {
    auto group = group_id(options.group);
    if (!group) return Error(group.error()).with_context(name);
    if (::chown(options.path.c_str(), static_cast<uid_t>(-1), *group) != 0) return errno_error(name, errno);
  }
  if (::chmod(options.path.c_str(), options.mode) != 0) return errno_error(name, errno);
  if (::listen(listener.fd(), kBacklog) != 0) return errno_error(name, errno);
  return listener;
}

Listener::~Listener() {
  if (path_.empty() || !socket_) return;
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) ::unlink(path_.c_str());
}

std::uint16_t Listener::port() const noexcept {
  asio::ip::tcp::endpoint endpoint;
  auto length = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(fd(), endpoint.data(), &length) != 0) return 0;
  return endpoint.data()->sa_family == AF_UNIX ? std::uint16_t{0} : endpoint.port();
}

std::optional<auth::Peer> peer_of(int fd) {
  asio::ip::tcp::endpoint endpoint;
  auto length = static_cast<socklen_t>(endpoint.capacity());
  if (::getpeername(fd, endpoint.data(), &length) != 0) return std::nullopt;
  if (endpoint.data()->sa_family == AF_UNIX) return unix_peer(fd);
  auth::Peer peer;
  peer.loopback = is_loopback(endpoint.address());
  peer.address = endpoint.address().to_string();
  peer.port = endpoint.port();
  return peer;
}

}  // namespace mtmsg::http
