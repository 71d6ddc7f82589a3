#include "broker/publisher.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace mtmsg::broker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr ChannelNumber kChannel{1};
/// How often a publication is sent when its channel is closed over another one.
constexpr unsigned kAttempts = 3;
/// How often the oldest publications are looked at for the confirm limit.
constexpr std::chrono::milliseconds kDeadlineCheck{500};

Error unavailable(std::string why) {
  return {ErrorCode::broker_unavailable, std::move(why)};
}

/// One message between publish() and its answer.
struct Item {
  Publication publication;
  std::promise<Result<void>> promise;
  Clock::time_point deadline;
  unsigned attempts = 0;
};

}  // namespace

struct Publisher::Impl final : LinkHandler {
  Impl(ConnectOptions connect, Limits bounds)
      : limits(bounds), link(std::move(connect), *this), deadline_timer(link.executor()) {}

  // Any thread.
  std::future<Result<void>> publish(std::unique_ptr<Item> item);
  std::optional<Error> refusal() const;
  bool has_room(std::size_t bytes) const;
  bool is_blocked() const;
  void stop();

  // Link thread.
  asio::awaitable<void> prepare_channel(Session& session);
  void send_waiting();
  void send(Session& session, std::unique_ptr<Item> item);
  void answer(std::unique_ptr<Item> item, const Result<void>& outcome);
  void answer_all(const Error& why);
  void set_accepting(bool now, std::string why);
  void watch_deadlines();

  void on_connected(Session& session) noexcept override {
    asio::co_spawn(link.executor(), prepare_channel(session), asio::detached);
  }
  void on_confirm(ChannelNumber channel, PublishNumber number, const Result<void>& outcome) noexcept override;
  void on_channel_closed(ChannelNumber channel, const Error& why) noexcept override;
  void on_closed(const Error& why) noexcept override;
  void on_blocked(bool blocked, std::string_view reason) noexcept override;
  void on_delivery(const Delivery&) noexcept override {}
  void on_burst_end() noexcept override {}
  void on_consumer_cancelled(ChannelNumber, std::string_view) noexcept override {}

  const Limits limits;

  mutable std::mutex mutex;  // guards all up to the next comment
  std::condition_variable room;
  std::deque<std::unique_ptr<Item>> waiting;  // handed over, not sent
  std::size_t messages = 0;                   // not answered
  std::size_t bytes = 0;
  bool accepting = false;  // a channel takes publications, or soon will again
  bool posted = false;     // a send_waiting is
  bool blocked_ = false;   // connection.blocked
  bool stopped = false;
  std::string why_not = "not connected yet";

  std::mutex stopping;  // guards what the link's thread leaves behind

  // Link thread.
  bool channel_open = false;
  // What is sent, by publish number; an answered one leaves its place empty until it comes to the front.
  std::deque<std::unique_ptr<Item>> sent;
  std::uint64_t first_sent = 1;

  Link link;  // after what its thread uses
  asio::steady_timer deadline_timer;
};

std::optional<Error> Publisher::Impl::refusal() const {
  if (stopped) return unavailable("the publisher is stopped");
  if (blocked_) return unavailable("the broker takes no messages for now: " + why_not);
  if (!accepting) return unavailable(why_not);
  return std::nullopt;
}

bool Publisher::Impl::has_room(std::size_t more) const {
  // One message that is larger than the bound goes alone.
  return messages == 0 || (messages < limits.max_in_flight_messages && bytes + more <= limits.max_in_flight_bytes);
}

bool Publisher::Impl::is_blocked() const {
  const std::lock_guard lock(mutex);
  return blocked_;
}

std::future<Result<void>> Publisher::Impl::publish(std::unique_ptr<Item> item) {
  auto future = item->promise.get_future();
  const auto size = item->publication.body.size();
  item->deadline = Clock::now() + limits.confirm_timeout;
  bool post = false;
  std::optional<Error> refused;
  {
    std::unique_lock lock(mutex);
    const bool decided = room.wait_until(lock, item->deadline, [&] { return refusal() || has_room(size); });
    refused = refusal();
    if (!decided) refused = Error{ErrorCode::timeout, "too many messages wait for the broker's confirm"};
    if (refused) {
      item->promise.set_value(*refused);
      return future;
    }
    ++messages;
    bytes += size;
    waiting.push_back(std::move(item));
    post = !std::exchange(posted, true);
  }
  if (post) asio::post(link.executor(), [this] { send_waiting(); });
  return future;
}

void Publisher::Impl::answer(std::unique_ptr<Item> item, const Result<void>& outcome) {
  {
    const std::lock_guard lock(mutex);
    --messages;
    bytes -= item->publication.body.size();
  }
  room.notify_all();
  item->promise.set_value(outcome);
}

void Publisher::Impl::answer_all(const Error& why) {
  std::deque<std::unique_ptr<Item>> items = std::exchange(sent, {});
  {
    const std::lock_guard lock(mutex);
    std::move(waiting.begin(), waiting.end(), std::back_inserter(items));
    waiting.clear();
  }
  for (auto& item : items) {
    if (item) answer(std::move(item), why);
  }
}

void Publisher::Impl::set_accepting(bool now, std::string why) {
  {
    const std::lock_guard lock(mutex);
    accepting = now;
    if (!now) blocked_ = false;
    why_not = std::move(why);
  }
  room.notify_all();
}

asio::awaitable<void> Publisher::Impl::prepare_channel(Session& session) {
  auto opened = co_await session.open_channel(kChannel);
  if (opened) opened = co_await session.confirm_select(kChannel);
  if (!opened) {
    // A connection that cannot have a channel is as good as none; what waited for it must not wait for ever.
    set_accepting(false, opened.error().message);
    answer_all(unavailable(opened.error().message));
    co_return;
  }
  first_sent = 1;
  channel_open = true;
  set_accepting(true, {});
  send_waiting();
  watch_deadlines();
}

void Publisher::Impl::send_waiting() {
  std::deque<std::unique_ptr<Item>> batch;
  Session* const session = link.session();
  {
    const std::lock_guard lock(mutex);
    posted = false;
    // A channel that is opened again takes them later; a connection that is gone has answered them.
    if (!channel_open || session == nullptr) return;
    batch.swap(waiting);
  }
  for (auto& item : batch) send(*session, std::move(item));
}

void Publisher::Impl::send(Session& session, std::unique_ptr<Item> item) {
  const auto number = session.publish(kChannel, item->publication);
  if (!number) {
    answer(std::move(item), number.error());
    return;
  }
  ++item->attempts;
  sent.push_back(std::move(item));
}

void Publisher::Impl::on_confirm(ChannelNumber, PublishNumber number, const Result<void>& outcome) noexcept {
  const auto at = number.value - first_sent;
  if (number.value < first_sent || at >= sent.size()) return;
  if (auto item = std::move(sent[at])) answer(std::move(item), outcome);
  while (!sent.empty() && !sent.front()) {
    sent.pop_front();
    ++first_sent;
  }
}

void Publisher::Impl::on_channel_closed(ChannelNumber, const Error& why) noexcept {
  channel_open = false;
  // One missing exchange ends the channel for all tenants: only its own publications fail, the others are sent again.
  // Some of them may be in their queues already; the same id makes that harmless.
  std::deque<std::unique_ptr<Item>> again;
  for (auto& item : std::exchange(sent, {})) {
    if (!item) continue;
    if (why.message.find("'" + item->publication.exchange + "'") != std::string::npos) {
      answer(std::move(item), Error{ErrorCode::not_found, why.message});
    } else if (item->attempts >= kAttempts) {
      answer(std::move(item), unavailable("the broker closed the channel: " + why.message));
    } else {
      again.push_back(std::move(item));
    }
  }
  {
    const std::lock_guard lock(mutex);
    std::move(waiting.begin(), waiting.end(), std::back_inserter(again));
    waiting.swap(again);
  }
  if (auto* const session = link.session()) {
    asio::co_spawn(link.executor(), prepare_channel(*session), asio::detached);
  }
}

void Publisher::Impl::on_closed(const Error& why) noexcept {
  channel_open = false;
  set_accepting(false, why.message);
  deadline_timer.cancel();
  answer_all(why);
}

void Publisher::Impl::on_blocked(bool blocked, std::string_view reason) noexcept {
  {
    const std::lock_guard lock(mutex);
    blocked_ = blocked;
    why_not = reason;
  }
  room.notify_all();
}

void Publisher::Impl::watch_deadlines() {
  deadline_timer.expires_after(kDeadlineCheck);
  deadline_timer.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto now = Clock::now();
    bool late = false;
    for (auto& item : sent) {
      if (item && item->deadline > now) break;
      if (!item) continue;
      late = true;
      answer(std::move(item), Error{ErrorCode::timeout, "the broker did not confirm the message in time"});
    }
    // RabbitMQ 3.10 can forget what it was given for a queue that had no leader at that moment, and then takes nothing
    // more from the whole connection, for ever. A new one is served.
    if (late && !is_blocked()) return link.give_up(unavailable("the broker did not confirm a message in time"));
    watch_deadlines();
  });
}

void Publisher::Impl::stop() {
  {
    const std::lock_guard lock(mutex);
    stopped = true;
  }
  room.notify_all();
  const std::lock_guard one_at_a_time(stopping);
  link.stop();
  // The link's thread has ended: what is left is nobody else's.
  answer_all(unavailable("the publisher was stopped before the broker confirmed"));
}

Publisher::Publisher(ConnectOptions connect, Limits limits)
    : impl_(std::make_unique<Impl>(std::move(connect), limits)) {}

Publisher::~Publisher() {
  stop();
}

void Publisher::start() {
  impl_->link.start();
}

void Publisher::stop() {
  impl_->stop();
}

LinkStatus Publisher::status() const {
  auto status = impl_->link.status();
  const std::lock_guard lock(impl_->mutex);
  if (status.connected && !impl_->accepting) {
    status.connected = false;
    status.last_error = impl_->why_not;
  }
  return status;
}

std::future<Result<void>> Publisher::publish(TenantId tenant, std::string message_id, std::string body,
                                             std::vector<std::pair<std::string, std::string>> headers) {
  auto item = std::make_unique<Item>();
  item->publication.exchange = tenant_exchange(tenant);
  item->publication.body = std::move(body);
  item->publication.message_id = std::move(message_id);
  item->publication.headers = std::move(headers);
  return impl_->publish(std::move(item));
}

}  // namespace mtmsg::broker
