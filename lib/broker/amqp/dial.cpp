#include "broker/amqp/dial.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mtmsg::broker::amqp {
namespace {

using Clock = std::chrono::steady_clock;

std::string describe(int error) {
  return std::generic_category().message(error);
}

int set_option(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value);
}

/// 0 or errno. The options only shorten the time until a dead peer is noticed, so a kernel without one is no failure.
int prepare(int fd, std::chrono::milliseconds send_limit) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(send_limit.count()));
  const int flags = ::fcntl(fd, F_GETFL);
  return flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
}

/// Waits until the connecting socket is writable. 0 or errno.
int finish_connect(int fd, Clock::time_point deadline) noexcept {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return ETIMEDOUT;
    pollfd wait{fd, POLLOUT, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready <= 0) continue;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return errno;
    if (error == 0 && (wait.revents & (POLLHUP | POLLERR)) != 0) return ECONNABORTED;
    return error;
  }
}

int connect_one(int fd, const addrinfo& address, Clock::time_point deadline) noexcept {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  return finish_connect(fd, deadline);
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

void Interruption::interrupt() noexcept {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  shut_down();
}

void Interruption::interrupt_handshake() noexcept {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (handshake_) shut_down();
}

std::uint64_t Interruption::attach(int fd) noexcept {
  const std::lock_guard lock(mutex_);
  fd_ = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  handshake_ = true;
  return ++attachment_;
}

void Interruption::handshake_done() noexcept {
  const std::lock_guard lock(mutex_);
  handshake_ = false;
}

void Interruption::detach(std::uint64_t attachment) noexcept {
  const std::lock_guard lock(mutex_);
  if (attachment != attachment_) return;
  fd_ = UniqueFd();
  handshake_ = false;
}

bool Interruption::interrupted() const noexcept {
  const std::lock_guard lock(mutex_);
  return interrupted_;
}

void Interruption::shut_down() noexcept {
  if (fd_.get() >= 0) ::shutdown(fd_.get(), SHUT_RDWR);
}

Result<Dialled> dial(const Endpoint& endpoint, Clock::time_point deadline, std::chrono::milliseconds send_limit,
                     Interruption& interruption) {
  const auto unavailable = [&](const std::string& why) {
    return fail(ErrorCode::broker_unavailable, "cannot connect to " + endpoint.name() + ": " + why);
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (lookup != 0) return unavailable(::gai_strerror(lookup));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);

  int error = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    error = fd.get() < 0 ? errno : prepare(fd.get(), send_limit);
    if (error != 0) continue;
    const auto attachment = interruption.attach(fd.get());
    // Looked at after attaching: an interrupt before it had no socket to shut down.
    error = interruption.interrupted() ? ECANCELED : connect_one(fd.get(), *address, deadline);
    if (error == 0) return Dialled{std::move(fd), attachment};
    interruption.detach(attachment);
    if (interruption.interrupted()) break;
  }
  return unavailable(describe(error));
}

}  // namespace mtmsg::broker::amqp
