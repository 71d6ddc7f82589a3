#include "broker/link.hpp"

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker/amqp/session.hpp"
#include "core/backoff.hpp"

namespace mtmsg::broker {
namespace {

/// connection.close-ok and all that was posted before it fit well into this. What was written is on its way in any
/// case; only a broker that is silent lets it pass, and a stop waits for it after its own time limit.
constexpr std::chrono::seconds kCloseLimit{2};

}  // namespace

struct Link::Impl final : SessionHandler {
  Impl(ConnectOptions connect_options, LinkHandler& link_handler)
      : options(std::move(connect_options)), handler(link_handler), guard(io.get_executor()), retry(io) {
    current.last_error = "not connected yet";
    current.since = std::chrono::system_clock::now();
  }

  // Link thread.
  void connect();
  void retry_later(const Error& why);
  void close();
  void leave();

  // Any thread.
  void set_status(bool connected, std::string why);
  bool wait_left(std::chrono::steady_clock::time_point until);

  void on_delivery(const Delivery& delivery) noexcept override { handler.on_delivery(delivery); }
  void on_burst_end() noexcept override { handler.on_burst_end(); }
  void on_consumer_cancelled(ChannelNumber channel, std::string_view tag) noexcept override {
    handler.on_consumer_cancelled(channel, tag);
  }
  void on_channel_closed(ChannelNumber channel, const Error& why) noexcept override {
    handler.on_channel_closed(channel, why);
  }
  void on_confirm(ChannelNumber channel, PublishNumber number, const Result<void>& outcome) noexcept override {
    handler.on_confirm(channel, number, outcome);
  }
  void on_blocked(bool blocked, std::string_view reason) noexcept override;
  void on_closed(const Error& why) noexcept override;

  // Constant after construction.
  const ConnectOptions options;
  LinkHandler& handler;
  const std::shared_ptr<amqp::Interruption> interruption = std::make_shared<amqp::Interruption>();

  // Destroyed after all that runs on it.
  asio::io_context io{1};

  // Link thread.
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  asio::steady_timer retry;
  Backoff backoff;
  amqp::Turn turn;
  std::chrono::steady_clock::time_point connected_at;
  std::string last_failure;  // of the tries since the last connection
  std::minstd_rand random{std::random_device{}()};
  std::unique_ptr<Session> session;
  bool closing = false;

  std::mutex lifecycle;  // guards thread, started
  std::thread thread;
  bool started = false;

  mutable std::mutex mutex;  // guards current, left
  std::condition_variable changed;
  LinkStatus current;
  bool left = false;  // the thread is about to end
};

void Link::Impl::set_status(bool connected, std::string why) {
  const std::lock_guard lock(mutex);
  if (current.connected != connected) current.since = std::chrono::system_clock::now();
  current.connected = connected;
  current.blocked = false;
  current.blocked_reason.clear();
  current.last_error = std::move(why);
}

void Link::Impl::on_blocked(bool blocked, std::string_view reason) noexcept {
  {
    const std::lock_guard lock(mutex);
    current.blocked = blocked;
    current.blocked_reason = reason;
  }
  handler.on_blocked(blocked, reason);
}

void Link::Impl::on_closed(const Error& why) noexcept {
  if (!session) return;  // given up a moment ago
  backoff.worked(std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - connected_at));
  set_status(false, why.message);
  handler.on_closed(why);
  // Not yet: a coroutine whose reply came just before the end still holds a reference, and is in the queue already.
  asio::post(io, [gone = std::move(session)] {});
  retry_later(why);
}

void Link::Impl::connect() {
  if (closing) return;
  auto connected = amqp::connect(io, options, *this, interruption, turn);
  if (closing) return;
  if (!connected) {
    const auto before = std::exchange(last_failure, connected.error().message);
    if (before != last_failure) handler.on_connect_failed(connected.error());
    retry_later(connected.error());
    return;
  }
  last_failure.clear();
  session = std::move(*connected);
  connected_at = std::chrono::steady_clock::now();
  set_status(true, {});
  handler.on_connected(*session);
}

void Link::Impl::retry_later(const Error& why) {
  if (closing) return;
  set_status(false, why.message);
  retry.expires_after(backoff.next(static_cast<std::uint32_t>(random())));
  retry.async_wait([this](const boost::system::error_code& error) {
    if (!error) connect();
  });
}

void Link::Impl::close() {
  if (std::exchange(closing, true)) return;
  retry.cancel();
  if (!session) return leave();
  asio::co_spawn(io, session->close(), [this](const std::exception_ptr&) { leave(); });
}

void Link::Impl::leave() {
  set_status(false, "stopped");
  // Coroutines that were just told of the end take their last steps first; anything that still waits (a timer of
  // theirs) goes with the io_context.
  asio::post(io, [this] {
    asio::post(io, [this] {
      session.reset();
      {
        const std::lock_guard lock(mutex);
        left = true;
      }
      changed.notify_all();
      io.stop();
    });
  });
}

bool Link::Impl::wait_left(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex);
  return changed.wait_until(lock, until, [this] { return left; });
}

Link::Link(ConnectOptions options, LinkHandler& handler) : impl_(std::make_unique<Impl>(std::move(options), handler)) {}

Link::~Link() {
  stop();
}

void Link::start() {
  const std::lock_guard lock(impl_->lifecycle);
  if (std::exchange(impl_->started, true)) return;
  asio::post(impl_->io, [impl = impl_.get()] { impl->connect(); });
  impl_->thread = std::thread([impl = impl_.get()] { impl->io.run(); });
}

void Link::stop() {
  const std::lock_guard lock(impl_->lifecycle);
  if (!std::exchange(impl_->started, true)) impl_->set_status(false, "stopped");
  if (!impl_->thread.joinable()) return;
  impl_->interruption->interrupt_handshake();
  asio::post(impl_->io, [impl = impl_.get()] { impl->close(); });
  const auto limit = std::min<std::chrono::milliseconds>(kCloseLimit, impl_->options.rpc_timeout);
  // A broker that does not answer, or does not read what the thread is writing.
  if (!impl_->wait_left(std::chrono::steady_clock::now() + limit)) impl_->interruption->interrupt();
  impl_->thread.join();
}

asio::any_io_executor Link::executor() {
  return impl_->io.get_executor();
}

void Link::give_up(const Error& why) {
  impl_->on_closed(why);
}

Session* Link::session() noexcept {
  return impl_->session.get();
}

LinkStatus Link::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->current;
}

}  // namespace mtmsg::broker
