#include "broker/amqp/tunnel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>

namespace mtmsg::broker::amqp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPiece = std::size_t{64} << 10U;
static_assert(kPiece >= tls::Stream::kRecord);
// How long the broker may take what was sent before the near end was closed. A kernel would go on by itself.
constexpr std::chrono::milliseconds kLastBytes{500};

Error unavailable(std::string why) {
  return fail(ErrorCode::broker_unavailable, "TLS: " + std::move(why));
}

short event_of(const tls::Stream& stream) noexcept {
  return static_cast<short>(stream.wants_write() ? POLLOUT : POLLIN);
}

/// False when the time is over.
bool wait_for(int fd, short event, Clock::time_point deadline) noexcept {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  if (left <= 0) return false;
  pollfd socket{fd, event, 0};
  ::poll(&socket, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));  // whatever it says, the caller tries
  return true;
}

/// Empty when it is done, or why it is not.
std::string shake_hands(tls::Stream& stream, int fd, Clock::time_point deadline) {
  for (;;) {
    const auto io = stream.handshake();
    if (io == tls::Io::done) return {};
    if (io != tls::Io::would_block) return stream.error().empty() ? "the broker closed the connection" : stream.error();
    if (!wait_for(fd, event_of(stream), deadline)) return "the handshake took too long";
  }
}

}  // namespace

Result<Tunnel::Opened> Tunnel::open(UniqueFd broker, const tls::Context& context, const std::string& host,
                                    Clock::time_point deadline) {
  auto stream = tls::Stream::client(context, broker.get(), host);
  if (stream.has_error()) return stream.error();
  if (auto why = shake_hands(*stream, broker.get(), deadline); !why.empty()) return unavailable(std::move(why));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return fail(ErrorCode::internal, "no pair of sockets: " + std::generic_category().message(errno));
  UniqueFd near_end(ends[0]);
  UniqueFd far_end(ends[1]);
  try {
    return Opened{std::move(near_end),
                  std::unique_ptr<Tunnel>(new Tunnel(std::move(broker), std::move(far_end), std::move(*stream)))};
  } catch (const std::system_error& error) {
    return fail(ErrorCode::internal, std::string("no thread for TLS: ") + error.what());
  }
}

Tunnel::Tunnel(UniqueFd broker, UniqueFd far_end, tls::Stream stream)
    : broker_(std::move(broker)),
      far_end_(std::move(far_end)),
      stream_(std::move(stream)),
      out_buffer_(kPiece),
      in_buffer_(kPiece),
      thread_([this] { run(); }) {}

Tunnel::~Tunnel() {
  thread_.join();
}

std::string Tunnel::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

void Tunnel::broke() {
  const std::lock_guard lock(mutex_);
  why_ = stream_.error();
}

void Tunnel::run() {
  for (;;) {
    const auto out = carry_out();
    const auto in = out == Step::ended ? Step::ended : carry_in();
    if (in == Step::ended) break;
    if (out == Step::idle && in == Step::idle && !wait()) {
      carry_out_rest();
      break;
    }
  }
  stream_.say_goodbye();
  ::shutdown(broker_.get(), SHUT_RDWR);
  ::shutdown(far_end_.get(), SHUT_RDWR);  // whoever reads the near end sees the end, after what came before it
}

Tunnel::Step Tunnel::carry_out() {
  out_event_ = 0;
  if (out_.empty()) {
    const auto got = ::recv(far_end_.get(), out_buffer_.data(), out_buffer_.size(), MSG_DONTWAIT);
    if (got == 0) return Step::ended;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Step::idle : Step::ended;
    out_ = {out_buffer_.data(), static_cast<std::size_t>(got)};
  }
  std::size_t sent = 0;
  const auto io = stream_.write(out_, sent);
  out_.remove_prefix(sent);
  if (io == tls::Io::done) return Step::moved;
  if (io == tls::Io::would_block) {
    out_event_ = event_of(stream_);
    return sent > 0 ? Step::moved : Step::idle;
  }
  // What the broker said before it went says more than that it went.
  const auto said = carry_in();
  if (said != Step::ended) broke();
  return Step::ended;
}

Tunnel::Step Tunnel::carry_in() {
  in_event_ = 0;
  if (in_.empty()) {
    std::size_t got = 0;
    switch (stream_.read(in_buffer_, got)) {
      case tls::Io::done:
        in_ = {in_buffer_.data(), got};
        break;
      case tls::Io::would_block:
        in_event_ = event_of(stream_);
        return Step::idle;
      default:
        broke();
        return Step::ended;
    }
  }
  const auto sent = ::send(far_end_.get(), in_.data(), in_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Step::idle : Step::ended;
  in_.remove_prefix(static_cast<std::size_t>(sent));
  return Step::moved;
}

void Tunnel::carry_out_rest() {
  const auto deadline = Clock::now() + kLastBytes;
  for (;;) {
    const auto out = carry_out();  // ended when all is out: nobody is at the near end
    if (out == Step::ended || (out == Step::idle && out_.empty())) return;
    if (out == Step::idle && !wait_for(broker_.get(), out_event_, deadline)) return;
  }
}

bool Tunnel::wait() {
  std::array<pollfd, 2> sockets{};
  sockets[0] = {far_end_.get(), static_cast<short>((out_.empty() ? POLLIN : 0) | (in_.empty() ? 0 : POLLOUT)), 0};
  sockets[1] = {broker_.get(), static_cast<short>(out_event_ | in_event_), 0};
  // Left alone while nothing is wanted of it: a connection that has ended would be reported again and again.
  if (sockets[1].events == 0) sockets[1].fd = -1;
  if (::poll(sockets.data(), sockets.size(), -1) < 0 && errno != EINTR) return false;
  return (sockets[0].revents & (POLLHUP | POLLERR)) == 0;
}

}  // namespace mtmsg::broker::amqp
