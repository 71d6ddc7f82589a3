#include "broker/publisher.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker/refusals.hpp"

namespace mtmsg::broker {
namespace {

using Clock = std::chrono::steady_clock;

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

/// One of two. The current one takes publications; the other waits for what it still has to hear, then closes.
struct Channel {
  enum class State { closed, changing, open };

  ChannelNumber number;
  State state = State::closed;
  // What is sent, by publish number; an answered one leaves its place empty until it comes to the front.
  std::deque<std::unique_ptr<Item>> sent{};
  std::uint64_t first_sent = 1;
};

}  // namespace

struct Publisher::Impl final : LinkHandler {
  Impl(ConnectOptions connect, Limits bounds)
      : limits(bounds),
        refusals(bounds.refusal_patience),
        link(std::move(connect), *this),
        deadline_timer(link.executor()) {}

  // Any thread.
  std::future<Result<void>> publish(std::unique_ptr<Item> item);
  std::optional<Error> refusal() const;
  bool has_room(std::size_t bytes) const;
  bool is_blocked() const;
  void stop();

  // Link thread.
  asio::awaitable<void> prepare_channel(Session& session);
  asio::awaitable<void> renew_channel(Session& session);
  asio::awaitable<Result<void>> open(Session& session, Channel& channel);
  void ask_another_channel();
  void close_if_done(Channel& channel);
  Channel& channel_of(ChannelNumber number) { return channels[number == channels[0].number ? 0 : 1]; }
  Channel& current() { return channels[current_at]; }
  Channel& other() { return channels[1 - current_at]; }
  void send_waiting();
  void send(Session& session, std::unique_ptr<Item> item);
  void answer(std::unique_ptr<Item> item, const Result<void>& outcome);
  void answer_all(const Error& why);
  void set_accepting(bool now, std::string why);
  void watch_deadlines();

  void on_connected(Session& session) noexcept override {
    asio::co_spawn(link.executor(), prepare_channel(session), asio::detached);
    watch_deadlines();
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
  std::array<Channel, 2> channels{Channel{ChannelNumber{1}}, Channel{ChannelNumber{2}}};
  std::size_t current_at = 0;
  Refusals refusals;

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
  std::deque<std::unique_ptr<Item>> items;
  for (auto& channel : channels) {
    std::move(channel.sent.begin(), channel.sent.end(), std::back_inserter(items));
    channel.sent.clear();
  }
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

asio::awaitable<Result<void>> Publisher::Impl::open(Session& session, Channel& channel) {
  channel.state = Channel::State::changing;
  auto opened = co_await session.open_channel(channel.number);
  if (opened) opened = co_await session.confirm_select(channel.number);
  channel.state = opened ? Channel::State::open : Channel::State::closed;
  channel.first_sent = 1;
  co_return opened;
}

asio::awaitable<void> Publisher::Impl::prepare_channel(Session& session) {
  const auto opened = co_await open(session, current());
  if (!opened) {
    // A connection that cannot have a channel is as good as none; what waited for it must not wait for ever.
    set_accepting(false, opened.error().message);
    answer_all(unavailable(opened.error().message));
    co_return;
  }
  refusals.forget();
  set_accepting(true, {});
  send_waiting();
}

void Publisher::Impl::ask_another_channel() {
  auto* const session = link.session();
  if (session == nullptr || current().state != Channel::State::open || other().state != Channel::State::closed) return;
  other().state = Channel::State::changing;
  asio::co_spawn(link.executor(), renew_channel(*session), asio::detached);
}

asio::awaitable<void> Publisher::Impl::renew_channel(Session& session) {
  const auto opened = co_await open(session, other());
  refusals.forget();
  // Where there is no second channel, the first has to do.
  if (!opened) co_return;
  // If the current one was closed meanwhile, its reopening has the word.
  if (current().state == Channel::State::open) current_at = 1 - current_at;
  send_waiting();
  close_if_done(other());
}

void Publisher::Impl::close_if_done(Channel& channel) {
  auto* const session = link.session();
  if (session == nullptr || &channel == &current() || channel.state != Channel::State::open) return;
  if (!channel.sent.empty()) return;
  channel.state = Channel::State::changing;
  const auto close = [](Session& on, Channel& old) -> asio::awaitable<void> {
    (void)co_await on.close_channel(old.number);
    old.state = Channel::State::closed;
  };
  asio::co_spawn(link.executor(), close(*session, channel), asio::detached);
}

void Publisher::Impl::send_waiting() {
  std::deque<std::unique_ptr<Item>> batch;
  Session* const session = link.session();
  {
    const std::lock_guard lock(mutex);
    posted = false;
    // A channel that is opened again takes them later; a connection that is gone has answered them.
    if (current().state != Channel::State::open || session == nullptr) return;
    batch.swap(waiting);
  }
  for (auto& item : batch) send(*session, std::move(item));
}

void Publisher::Impl::send(Session& session, std::unique_ptr<Item> item) {
  const auto number = session.publish(current().number, item->publication);
  if (!number) {
    answer(std::move(item), number.error());
    return;
  }
  ++item->attempts;
  current().sent.push_back(std::move(item));
}

void Publisher::Impl::on_confirm(ChannelNumber of, PublishNumber number, const Result<void>& outcome) noexcept {
  auto& channel = channel_of(of);
  const auto at = number.value - channel.first_sent;
  if (number.value < channel.first_sent || at >= channel.sent.size()) return;
  if (auto item = std::move(channel.sent[at])) {
    const auto& exchange = item->publication.exchange;
    if (outcome) {
      refusals.taken(exchange);
    } else if (outcome.error().code == ErrorCode::broker_rejected && &channel == &current() &&
               refusals.refused(exchange, Clock::now())) {
      ask_another_channel();
    }
    answer(std::move(item), outcome);
  }
  while (!channel.sent.empty() && !channel.sent.front()) {
    channel.sent.pop_front();
    ++channel.first_sent;
  }
  close_if_done(channel);
}

void Publisher::Impl::on_channel_closed(ChannelNumber of, const Error& why) noexcept {
  auto& channel = channel_of(of);
  channel.state = Channel::State::closed;
  // One missing exchange ends the channel for all tenants: only its own publications fail, the others are sent again.
  // Some of them may be in their queues already; the same id makes that harmless.
  std::deque<std::unique_ptr<Item>> again;
  for (auto& item : std::exchange(channel.sent, {})) {
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
  auto* const session = link.session();
  if (&channel != &current()) {
    send_waiting();
  } else if (session != nullptr) {
    asio::co_spawn(link.executor(), prepare_channel(*session), asio::detached);
  }
}

void Publisher::Impl::on_closed(const Error& why) noexcept {
  for (auto& channel : channels) channel.state = Channel::State::closed;
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
    for (auto& channel : channels) {
      for (auto& item : channel.sent) {
        if (item && item->deadline > now) break;
        if (!item) continue;
        late = true;
        answer(std::move(item), Error{ErrorCode::timeout, "the broker did not confirm the message in time"});
      }
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
