#include "store/pg/sessions.hpp"

#include <cstdint>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/result.hpp"

namespace mtmsg::store::pg {
namespace {

int checked(int fd) {
  if (fd < 0) throw Failure(Error{ErrorCode::database_unavailable, "no file descriptor left for a connection"});
  return fd;
}

}  // namespace

Interrupter::Interrupter(int socket) : fd_(checked(::fcntl(socket, F_DUPFD_CLOEXEC, 0))) {}

Interrupter::~Interrupter() {
  ::close(fd_);
}

void Interrupter::interrupt() noexcept {
  ::shutdown(fd_, SHUT_RDWR);
}

Sessions::Sessions() : end_event_(checked(::eventfd(0, EFD_CLOEXEC))) {}

Sessions::~Sessions() {
  ::close(end_event_);
}

void Sessions::add(const std::shared_ptr<Interrupter>& session) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [](const auto& known) { return known.expired(); });
  sessions_.push_back(session);
  if (ended_) session->interrupt();
}

void Sessions::end() noexcept {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(end_event_, &one, sizeof one);
  for (const auto& known : sessions_) {
    if (const auto session = known.lock()) session->interrupt();
  }
}

bool Sessions::ended() const noexcept {
  const std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace mtmsg::store::pg
