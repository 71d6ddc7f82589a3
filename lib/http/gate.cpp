#include "http/gate.hpp"

#include <algorithm>
#include <cerrno>

#include <boost/asio/post.hpp>
#include <sys/socket.h>

namespace mtmsg::http {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

constexpr std::size_t kScratchBytes = 64 << 10;
constexpr unsigned kReadsAtOnce = 4;  // of one connection, before others get their turn

/// Often enough to keep the shortest deadline with a quarter of itself to spare.
std::chrono::milliseconds sweep_interval(const ServerLimits& limits) {
  const auto shortest =
      std::min({limits.idle_timeout, limits.request_timeout, limits.write_timeout, limits.linger_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
}

}  // namespace

Gate::Gate(const ServerLimits& limits, Handler handler, Hooks hooks, std::vector<Listener> listeners, Tls tls)
    : limits_(limits),
      handler_(std::move(handler)),
      hooks_(std::move(hooks)),
      workers_({limits.workers, limits.blocked_workers, limits.queued_requests}, [this] { return make_work(); }),
      tls_(std::move(tls)),
      scratch_(kScratchBytes) {
  for (auto& listener : listeners) {
    // The loop's handle is a duplicate, so that the listener stays the one owner of its socket and path.
    const int fd = ::dup(listener.fd());
    if (fd < 0) throw Failure(fail(ErrorCode::internal, "out of file descriptors"));
    const bool encrypted = tls_ != nullptr && listener.port() != 0;
    doors_.push_back(std::make_unique<Door>(
        Door{std::move(listener), asio::posix::stream_descriptor(loop_, fd), asio::steady_timer(loop_), encrypted}));
  }
}

Gate::~Gate() {
  stop();
}

void Gate::start() {
  workers_.start();
  loop_thread_ = std::thread([this] {
    for (auto& door : doors_) wait_for_clients(*door);
    sweep();
    loop_.run();
  });
}

void Gate::stop() {
  if (loop_thread_.joinable()) {
    asio::post(loop_, [this] { begin_stop(); });
    loop_thread_.join();
  }
  workers_.stop();
}

void Gate::begin_stop() {
  stopping_ = true;
  cut_at_ = steady_clock::now() + limits_.stop_grace;
  doors_.clear();
  std::vector<Slot*> unasked;
  std::vector<Slot*> parked;
  for (auto& [id, slot] : slots_) {
    if (slot->phase == Slot::Phase::greeting || (slot->phase == Slot::Phase::reading && slot->connection.idle()))
      unasked.push_back(slot.get());
    if (slot->phase == Slot::Phase::parked) parked.push_back(slot.get());
  }
  for (auto* slot : unasked) close(*slot);
  for (auto* slot : parked) resume(*slot, Later::Why::over);
  sweep();
}

/// A worker's last word about the slot. Any thread.
void Gate::give_back(Slot& slot) {
  asio::post(loop_, [this, id = slot.id] {
    if (const auto found = slots_.find(id); found != slots_.end()) answered(*found->second);
  });
}

/// What completes on the loop holds ids, never pointers: the slot may be closed meanwhile.
void Gate::wait(Slot& slot, Wait event, void (Gate::*then)(Slot&)) {
  slot.socket.async_wait(event, [this, then, id = slot.id](boost::system::error_code error) {
    const auto found = error ? slots_.end() : slots_.find(id);
    if (found != slots_.end()) (this->*then)(*found->second);
  });
}

void Gate::wait_readable(Slot& slot) {
  wait(slot, slot.connection.read_event() == POLLIN ? Wait::wait_read : Wait::wait_write, &Gate::on_readable);
}

void Gate::wait_writable(Slot& slot) {
  wait(slot, slot.connection.write_event() == POLLIN ? Wait::wait_read : Wait::wait_write, &Gate::write_rest);
}

void Gate::on_readable(Slot& slot) {
  if (slot.phase == Slot::Phase::lingering) return discard_input(slot);
  if (slot.phase == Slot::Phase::parked) return watch_parked(slot);
  if (slot.phase != Slot::Phase::reading) return;
  bool filled = true;
  for (unsigned reads = 0; filled && reads < kReadsAtOnce; ++reads) {
    const bool was_idle = slot.connection.idle();
    const auto io = slot.connection.receive(scratch_, filled);
    if (io == Io::closed) return close(slot);  // before its request was whole: no answer is owed
    if (io == Io::would_block) break;
    const auto progress = slot.connection.advance();
    // Empty lines before a request are not its beginning: they keep nothing open.
    if (was_idle && !slot.connection.idle()) slot.deadline = steady_clock::now() + limits_.request_timeout;
    if (progress != Connection::Progress::incomplete) break;
  }
  proceed(slot);
}

/// Decides what comes next for a connection of which all bytes at hand are read.
void Gate::proceed(Slot& slot) {
  const auto progress = slot.connection.advance();
  count_bytes(slot);
  if (progress == Connection::Progress::rejected) return refuse(slot, Problem(*slot.connection.rejection()));
  if (progress == Connection::Progress::ready) {
    slot.came_late = stopping_;
    slot.phase = Slot::Phase::busy;
    slot.patience = slot.deadline - steady_clock::now();
    if (!workers_.submit(&slot)) refuse(slot, Problem(Rejection{503, "too many requests at a time"}));
    return;
  }
  if (!make_memory(slot)) return refuse(slot, Problem(Rejection{503, "too many unfinished requests at a time"}));
  if (slot.connection.take_continue_due()) {
    std::size_t sent = 0;
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    if (slot.connection.send(kContinue, sent) != Io::done) return close(slot);
  }
  wait_readable(slot);
}

void Gate::refuse(Slot& slot, const Problem& problem) {
  slot.connection.unsent = plain_answer(problem, slot.connection.request_id());
  slot.keep = false;
  slot.deadline = steady_clock::now() + limits_.write_timeout;
  write_rest(slot);
}

void Gate::write_rest(Slot& slot) {
  slot.phase = Slot::Phase::writing;
  std::size_t sent = 0;
  const auto io = slot.connection.send(slot.connection.unsent, sent);
  if (io == Io::closed) return close(slot);
  slot.connection.unsent.erase(0, sent);
  if (io == Io::would_block) return wait_writable(slot);
  answered(slot);
}

/// A worker gave the connection back, or the rest of its answer is sent.
void Gate::answered(Slot& slot) {
  count_bytes(slot);
  if (slot.later) return park(slot);
  if (!slot.connection.unsent.empty()) {
    if (!make_memory(slot)) return close(slot);
    slot.phase = Slot::Phase::writing;
    slot.deadline = steady_clock::now() + limits_.write_timeout;
    return wait_writable(slot);
  }
  if (!slot.keep || stopping_) return linger(slot);
  if (slot.connection.complete()) slot.connection.start_next();
  slot.phase = Slot::Phase::reading;
  slot.quiet_since = steady_clock::now();
  slot.deadline = slot.quiet_since + (slot.connection.idle() ? limits_.idle_timeout : limits_.request_timeout);
  proceed(slot);
}

void Gate::park(Slot& slot) {
  slot.phase = Slot::Phase::parked;
  slot.deadline = slot.later->deadline;
  if (stopping_) return resume(slot, Later::Why::over);
  slot.later->begin([this, id = slot.id] {
    asio::post(loop_, [this, id] {
      const auto found = slots_.find(id);
      if (found != slots_.end() && found->second->phase == Slot::Phase::parked)
        resume(*found->second, Later::Why::called);
    });
  });
  wait_readable(slot);
}

/// A client that leaves frees its place. What it sends meanwhile is its next request: that waits, and its sender with
/// it when it is long.
void Gate::watch_parked(Slot& slot) {
  bool filled = false;
  if (slot.connection.receive(scratch_, filled) == Io::closed) return close(slot);
  count_bytes(slot);
  const bool room = slot.connection.buffered_bytes() < 2 * limits_.request.head_bytes;
  if (room && buffered_bytes_ <= limits_.buffered_bytes) wait_readable(slot);
}

void Gate::resume(Slot& slot, Later::Why why) {
  slot.socket.cancel();  // the wait for the client to leave
  slot.why = why;
  slot.phase = Slot::Phase::busy;
  if (workers_.submit(&slot)) return;
  slot.later.reset();
  refuse(slot, Problem(Rejection{503, "too many requests at a time"}));
}

/// Closing with unread input would reset the connection, and the client might never see the answer (RFC 9112, 9.6).
void Gate::linger(Slot& slot) {
  if (slot.connection.complete() && !slot.connection.has_more()) return close(slot);
  slot.connection.say_goodbye();
  ::shutdown(slot.connection.fd(), SHUT_WR);
  slot.phase = Slot::Phase::lingering;
  slot.deadline = steady_clock::now() + limits_.linger_timeout;
  discard_input(slot);
}

void Gate::discard_input(Slot& slot) {
  for (unsigned reads = 0; reads < kReadsAtOnce; ++reads) {
    const auto got = ::recv(slot.connection.fd(), scratch_.data(), scratch_.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return close(slot);
    if (got < 0) break;
  }
  wait(slot, Wait::wait_read, &Gate::on_readable);
}

void Gate::close(Slot& slot) {
  slot.connection.say_goodbye();
  set_bytes(slot, 0);
  if (slot.client)
    clients_.leave(*slot.client);
  else
    --turned_away_;
  slots_.erase(slot.id);
}

void Gate::count_bytes(Slot& slot) {
  set_bytes(slot, slot.connection.buffered_bytes());
}

void Gate::set_bytes(Slot& slot, std::size_t bytes) {
  buffered_bytes_ += bytes - slot.counted_bytes;  // unsigned: what wraps around comes back
  if (slot.client) slot.client->bytes += bytes - slot.counted_bytes;
  slot.counted_bytes = bytes;
}

void Gate::sweep() {
  const auto now = steady_clock::now();
  std::vector<Slot*> expired;
  for (auto& [id, slot] : slots_) {
    if (slot->phase == Slot::Phase::busy) {
      if (now >= cut_at_) ::shutdown(slot->connection.fd(), SHUT_RDWR);
    } else if (now >= slot->deadline || now >= cut_at_) {
      expired.push_back(slot.get());
    }
  }
  for (auto* slot : expired) expire(*slot);
  workers_.relieve();
  if (stopping_ && slots_.empty()) {
    sweep_timer_.cancel();
    return loop_.stop();
  }
  sweep_timer_.expires_after(stopping_ ? std::chrono::milliseconds(10) : sweep_interval(limits_));
  sweep_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) sweep();
  });
}

void Gate::expire(Slot& slot) {
  if (slot.phase == Slot::Phase::parked) return resume(slot, Later::Why::over);
  const bool unfinished = slot.phase == Slot::Phase::reading && !slot.connection.idle();
  if (!unfinished || stopping_) return close(slot);
  slot.socket.cancel();  // the wait for more of the request
  refuse(slot, Problem(Rejection{408, "the request did not arrive in time"}));
}

}  // namespace mtmsg::http
