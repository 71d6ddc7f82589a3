#include "broker/amqp/core.hpp"

#include <cassert>
#include <cerrno>
#include <system_error>

#include <boost/asio/post.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace mtmsg::broker::amqp {
namespace {

constexpr std::size_t kBurst = 256;          // deliveries between two on_burst_end
constexpr std::size_t kFramesAtOnce = 4096;  // of any kind, before other work of the thread gets its turn

}  // namespace

Core::Core(asio::io_context& io, Connection connection, const ConnectOptions& options, SessionHandler& handler)
    : io_(io),
      connection_(std::move(connection)),
      reader_(connection_.get()),
      rpc_timeout_(options.rpc_timeout),
      dead_letter_exchange_(options.dead_letter_exchange),
      handler_(&handler),
      readable_(io),
      heartbeat_timer_(io),
      channels_(std::size_t{connection_.channel_max()} + 1) {
  control_.state = Channel::State::open;
}

Result<void> Core::start() {
  // A descriptor of its own: Asio closes it, while rabbitmq-c closes the one it was given.
  const int fd = ::dup(connection_.fd());
  if (fd < 0) {
    return Error{ErrorCode::internal, "cannot duplicate a socket: " + std::generic_category().message(errno)};
  }
  readable_.assign(fd);
  wait_readable();
  post_pump();  // what came behind the handshake is in the library's buffer, not in the socket
  arm_heartbeat();
  return {};
}

void Core::abandon() noexcept {
  handler_ = nullptr;
  if (!dead_) end(Error{ErrorCode::broker_unavailable, "the session was closed"});
}

void Core::wait_readable() {
  if (waiting_) return;
  waiting_ = true;
  readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         self->waiting_ = false;
                         if (!error) self->pump();
                       });
}

void Core::post_pump() {
  if (posted_) return;
  posted_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->posted_ = false;
    self->pump();
  });
}

void Core::set_reading(bool reading) {
  reading_ = reading;
  if (reading && !dead_) post_pump();
}

void Core::pump() {
  if (dead_ || !reading_) return;
  const auto self = shared_from_this();  // a callback may destroy the session
  deliveries_in_burst_ = 0;
  amqp_frame_t frame;
  int status = AMQP_STATUS_OK;
  std::size_t frames = 0;
  for (; frames < kFramesAtOnce && deliveries_in_burst_ < kBurst && !dead_ && reading_; ++frames) {
    status = reader_.next(frame);
    if (status != AMQP_STATUS_OK) break;
    dispatch(frame);
  }
  if (deliveries_in_burst_ > 0 && handler_ != nullptr) handler_->on_burst_end();
  if (dead_) return;
  if (status == AMQP_STATUS_OK) {
    post_pump();
  } else if (status == AMQP_STATUS_TIMEOUT) {
    wait_readable();
  } else {
    fail_status(status, "reading");
  }
}

void Core::arm_heartbeat() {
  if (connection_.heartbeat().count() <= 0) return;
  heartbeat_timer_.expires_after(std::chrono::milliseconds(connection_.heartbeat()) / 2);
  heartbeat_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && !self->dead_) self->heartbeat();
  });
}

void Core::heartbeat() {
  amqp_frame_t beat{};
  beat.frame_type = AMQP_FRAME_HEARTBEAT;
  const int status = amqp_send_frame(connection_.get(), &beat);
  if (status != AMQP_STATUS_OK) return fail_status(status, "sending a heartbeat");
  pump();
  if (dead_) return;
  // Looked at after reading, so that a stall of our own does not count against the broker (AMQP 0-9-1, 4.2.7).
  if (waiting_ && FrameReader::Clock::now() - reader_.last_heard() > 2 * connection_.heartbeat()) {
    return fail_status(AMQP_STATUS_HEARTBEAT_TIMEOUT, "waiting for a heartbeat");
  }
  arm_heartbeat();
}

void Core::fail_status(int status, std::string_view doing) {
  const auto broke = connection_.why_tls_broke();
  fail({ErrorCode::broker_unavailable, "connection to the broker at " + connection_.name() + " lost while " +
                                           std::string(doing) + ": " +
                                           (broke.empty() ? amqp_error_string2(status) : "TLS: " + broke)});
}

void Core::fail(Error why) {
  if (dead_) return;
  const bool tell = !closing_;
  end(why);
  if (!tell) return;
  asio::post(io_, [self = shared_from_this(), why = std::move(why)] {
    if (self->handler_ != nullptr) self->handler_->on_closed(why);
  });
}

void Core::end(const Error& why) {
  dead_ = true;
  why_dead_ = why;
  ::shutdown(connection_.fd(), SHUT_RDWR);
  boost::system::error_code ignored;
  readable_.close(ignored);
  heartbeat_timer_.cancel();
  const auto settle_all = [&](Channel& channel) {
    for (const auto& rpc : std::exchange(channel.rpcs, {})) settle(*rpc, why);
    channel.state = Channel::State::closed;
  };
  settle_all(control_);
  for (const auto& channel : channels_) {
    if (channel) settle_all(*channel);
  }
}

}  // namespace mtmsg::broker::amqp
