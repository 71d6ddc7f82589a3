#include "http/client_io.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>

namespace mtmsg::http {
namespace {

constexpr std::size_t kPiece = 64 << 10;  // what the write timeout is for
constexpr std::chrono::milliseconds kFlushAfter{100};

}  // namespace

boost::system::result<bool, Problem> ClientIo::read(std::string& out) {
  std::array<char, 16 << 10> scratch;
  while (!connection_.take_body(out)) {
    if (connection_.complete()) return false;
    bool filled = false;
    switch (connection_.receive(scratch, filled)) {
      case Io::closed:
        return Problem(Rejection{400, "the connection ended in the middle of the body"});
      case Io::would_block: {
        const auto begin = Clock::now();
        const auto waited = wait(connection_.read_event(), begin + patience_);
        patience_ -= Clock::now() - begin;
        if (waited == Wait::greedy)
          return Problem(429, "too_many_slow_requests", "this client has too many slow requests at a time");
        if (waited == Wait::crowded) return Problem(Rejection{503, "too many slow requests at a time"});
        if (waited == Wait::late) return Problem(Rejection{408, "the body did not arrive in time"});
        break;
      }
      case Io::done:
        if (connection_.advance() == Connection::Progress::rejected) return Problem(*connection_.rejection());
    }
  }
  return true;
}

bool ClientIo::write(std::string_view bytes) {
  if (broken_) return false;
  written_ += bytes.size();
  if (out_.size() + bytes.size() < kPiece) {
    out_ += bytes;
    return true;
  }
  return send_all(std::exchange(out_, {}), 0) && send_all(bytes, limits_.out_buffer_bytes);
}

bool ClientIo::finish() {
  return send_all(std::exchange(out_, {}), limits_.out_buffer_bytes);
}

/// Up to `may_leave` bytes may stay for the loop; whatever is written after those waits for them.
bool ClientIo::send_all(std::string_view bytes, std::size_t may_leave) {
  if (!connection_.unsent.empty()) {
    if (bytes.empty()) return !broken_;
    const auto before = std::exchange(connection_.unsent, {});
    if (!send_all(before, 0)) return false;
  }
  auto deadline = Clock::now() + limits_.write_timeout;
  std::size_t piece = 0;  // sent of the current piece
  while (!broken_ && !bytes.empty()) {
    std::size_t sent = 0;
    const auto io = connection_.send(bytes, sent);
    bytes.remove_prefix(sent);
    if (piece += sent; piece >= kPiece) {
      piece = 0;
      deadline = Clock::now() + limits_.write_timeout;
    }
    if (io == Io::closed) broken_ = true;
    if (io != Io::would_block) continue;
    if (bytes.size() <= may_leave) {
      connection_.unsent.assign(bytes);
      break;
    }
    if (wait(connection_.write_event(), deadline) != Wait::ready) broken_ = true;
  }
  return !broken_;
}

bool ClientIo::alive() {
  if (broken_ || Clock::now() - flushed_ < kFlushAfter) return !broken_;
  flushed_ = Clock::now();
  // A slow stream's rows should not wait for their neighbours. A client that half-closed may still read: only sending
  // tells who is gone.
  return out_.empty() || send_all(std::exchange(out_, {}), 0);
}

ClientIo::Wait ClientIo::wait(short events, Clock::time_point until) {
  if (aside_ && *aside_) return poll(events, until);
  const Place place(client_.waits, limits_.blocked_per_client);
  if (!place) return Wait::greedy;
  const Workers::Blocked blocked(workers_);
  if (!blocked) return Wait::crowded;
  return poll(events, until);
}

ClientIo::Wait ClientIo::poll(short events, Clock::time_point until) const {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return Wait::late;
    pollfd descriptor{connection_.fd(), events, 0};
    const int found = ::poll(&descriptor, 1, static_cast<int>(std::min<long>(left, 60'000)));
    if (found > 0) return Wait::ready;
    if (found < 0 && errno != EINTR) return Wait::late;
  }
}

}  // namespace mtmsg::http
