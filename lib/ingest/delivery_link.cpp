#include "ingest/delivery_link.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/topology.hpp"
#include "domain/message.hpp"

namespace mtmsg::ingest {
namespace {

constexpr std::size_t kMinArenaBytes = 1024;
constexpr std::size_t kMaxArenaBytes = std::size_t{512} * 1024;
/// A burst of large messages ends here, so that the budget is looked at in time.
constexpr std::size_t kMaxBurstBytes = 2 << 20;
/// Beyond max_channels, for tenants that are still on their way out.
constexpr unsigned kSpareChannels = 32;
constexpr const char* kWaitsForDatabase = "the consumer waits until the database takes messages again";

std::string_view keep(Arena& arena, std::string_view bytes) {
  if (bytes.empty()) return {};
  auto* copy = static_cast<char*>(arena.allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

}  // namespace

DeliveryLink::DeliveryLink(Options options, Dispatcher& dispatcher, DeliveryEvents& events)
    : options_(std::move(options)),
      dispatcher_(dispatcher),
      events_(events),
      by_channel_(std::size_t{options_.max_channels} + kSpareChannels + 1),
      link_(options_.connect, *this) {
  for (auto number = by_channel_.size(); --number > 0;)
    free_channels_.push_back(ChannelNumber{static_cast<std::uint16_t>(number)});
}

DeliveryLink::~DeliveryLink() {
  stop();
}

void DeliveryLink::start() {
  link_.start();
}
void DeliveryLink::stop() {
  link_.stop();
  // Its thread has ended: who still waits would wait for ever.
  for (const auto& [tenant, consumer] : consumers_) {
    answer(*consumer, fail(ErrorCode::stopping, "the daemon stops"));
  }
}
broker::LinkStatus DeliveryLink::status() const {
  return link_.status();
}

std::future<Result<void>> DeliveryLink::serve(TenantId tenant, std::uint16_t prefetch, Order order) {
  return want(tenant, Wanted::serve, prefetch, order);
}
std::future<Result<void>> DeliveryLink::idle(TenantId tenant) {
  return want(tenant, Wanted::idle);
}
std::future<Result<void>> DeliveryLink::leave(TenantId tenant) {
  return want(tenant, Wanted::leave);
}
std::future<Result<void>> DeliveryLink::drop(TenantId tenant) {
  return want(tenant, Wanted::drop);
}

std::future<Result<void>> DeliveryLink::want(TenantId tenant, Wanted wanted, std::uint16_t prefetch, Order order) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  broker::asio::post(link_.executor(), [this, tenant, wanted, prefetch, order, promise = std::move(promise)]() mutable {
    const auto known = consumers_.find(tenant);
    if (wanted != Wanted::serve && known == consumers_.end()) return promise.set_value({});
    const auto consumer = known != consumers_.end() ? known->second : find_or_add(tenant);
    if (!consumer) {
      return promise.set_value(fail(ErrorCode::conflict, "this connection has no free channel for another tenant"));
    }
    consumer->wanted = wanted;
    if (wanted == Wanted::serve) {
      consumer->wanted_prefetch = prefetch;
      consumer->ordered = order == Order::strict;
    }
    consumer->admission = admission_;
    // A step under way may change what is: then the answer comes after it.
    const bool steady = !consumer->steering || link_.session() == nullptr;
    if (steady && consumer->settled()) return promise.set_value({});
    if (link_.session() == nullptr) {
      return promise.set_value(fail(ErrorCode::broker_unavailable, "RabbitMQ is away: " + link_.status().last_error));
    }
    if (wanted == Wanted::serve && admission_ != Admission::open && !consumer->steering) {
      return promise.set_value(fail(ErrorCode::database_unavailable, kWaitsForDatabase));
    }
    consumer->waiters.push_back(std::move(promise));
    steer(consumer);
  });
  return future;
}

void DeliveryLink::narrow(TenantId tenant, InHand in_hand) {
  broker::asio::post(link_.executor(), [this, tenant, in_hand] {
    const auto found = consumers_.find(tenant);
    if (found == consumers_.end()) return;
    const auto& consumer = found->second;
    consumer->narrow = true;
    if (in_hand == InHand::give_back) {
      // Here first: with the budget used up nothing is read, the broker's answer to the close neither.
      give_back_here(*consumer);
      read_if_room();
    }
    steer(consumer);
  });
}

void DeliveryLink::widen(TenantId tenant) {
  broker::asio::post(link_.executor(), [this, tenant] {
    const auto found = consumers_.find(tenant);
    if (found == consumers_.end()) return;
    found->second->narrow = false;
    steer(found->second);
  });
}

void DeliveryLink::admit(Admission admission) {
  broker::asio::post(link_.executor(), [this, admission] {
    admission_ = admission;
    for (const auto& [tenant, consumer] : consumers_) {
      consumer->admission = admission;
      steer(consumer);
    }
    read_if_room();
  });
}

DeliveryLink::ConsumerPtr DeliveryLink::find_or_add(TenantId tenant) {
  if (free_channels_.empty()) return nullptr;
  auto consumer = std::make_shared<Consumer>();
  consumer->tenant = tenant;
  consumer->channel = free_channels_.back();
  free_channels_.pop_back();
  by_channel_[consumer->channel.value] = consumer;
  consumers_.emplace(tenant, consumer);
  return consumer;
}

void DeliveryLink::free_channel(Consumer& consumer) {
  by_channel_[consumer.channel.value].reset();
  free_channels_.push_back(consumer.channel);
}

void DeliveryLink::forget(TenantId tenant) {
  broker::asio::post(link_.executor(), [this, tenant] {
    const auto found = consumers_.find(tenant);
    if (found == consumers_.end()) return;
    const auto consumer = found->second;
    answer(*consumer, fail(ErrorCode::not_found, "the tenant was removed"));
    consumers_.erase(found);
    consumer->wanted = Wanted::drop;
    consumer->forgotten = true;
    if (consumer->channel_open || consumer->steering) {
      steer(consumer);
    } else {
      free_channel(*consumer);
    }
    const std::lock_guard lock(standing_mutex_);
    standing_.erase(tenant);
  });
}

void DeliveryLink::give_back(TenantId tenant, Error why) {
  broker::asio::post(link_.executor(), [this, tenant, why = std::move(why)] {
    const auto found = consumers_.find(tenant);
    if (found == consumers_.end()) return;
    answer(*found->second, why);  // whoever waits for serve() did not get it
    found->second->wanted = Wanted::drop;
    steer(found->second);
    events_.on_consumer_lost(tenant, why);
  });
}

void DeliveryLink::steer(const ConsumerPtr& consumer) {
  if (consumer->steering) return;
  consumer->steering = true;
  broker::asio::co_spawn(link_.executor(), steering(consumer), broker::asio::detached);
}

broker::asio::awaitable<void> DeliveryLink::steering(ConsumerPtr consumer) {
  while (auto* session = link_.session()) {
    const auto step = consumer->next_step();
    if (step == Consumer::Step::none) break;
    const auto connection = connections_;
    const auto done = co_await take_step(*session, *consumer, step);
    if (connection != connections_) continue;  // on_closed has put everything back to the start
    if (done.has_error()) {
      step_failed(*consumer, done.error());
      break;
    }
  }
  consumer->steering = false;
  if (consumer->forgotten) {
    if (by_channel_[consumer->channel.value] == consumer) free_channel(*consumer);
    co_return;
  }
  publish_standing(*consumer);
  if (consumer->settled()) {
    answer(*consumer, {});
  } else if (link_.session() == nullptr) {
    answer(*consumer, fail(ErrorCode::broker_unavailable, "the connection to RabbitMQ was lost"));
  } else if (consumer->wanted == Wanted::serve && consumer->admission != Admission::open) {
    answer(*consumer, fail(ErrorCode::database_unavailable, kWaitsForDatabase));
  }
}

broker::asio::awaitable<Result<void>> DeliveryLink::take_step(broker::Session& session, Consumer& consumer,
                                                              Consumer::Step step) {
  const auto connection = connections_;
  switch (step) {
    case Consumer::Step::none:
      break;
    case Consumer::Step::open_channel: {
      auto done = co_await session.open_channel(consumer.channel);
      if (done.has_error()) co_return done;
      if (connection != connections_) break;
      consumer.channel_open = true;
      consumer.generation = dispatcher_.next_generation();
      dispatcher_.restart(consumer.tenant, consumer.generation);
      break;
    }
    case Consumer::Step::consume: {
      const auto prefetch = consumer.target_prefetch();
      auto tag = "mtmsg-" + Uuid::v4().to_string();
      consumer.asking = tag;
      auto done = co_await session.consume(consumer.channel, broker::tenant_queue(consumer.tenant), tag, prefetch);
      const bool cancelled = std::exchange(consumer.asking, {}).empty();
      if (done.has_error()) co_return done;
      if (connection != connections_ || !consumer.channel_open) break;
      if (cancelled) break;  // asks again: a queue that is gone answers for itself
      consumer.tag = std::move(tag);
      consumer.prefetch = prefetch;
      break;
    }
    case Consumer::Step::freeze:
      consumer.frozen = true;
      on_burst_end();  // as after a cancel
      break;
    case Consumer::Step::cancel: {
      auto done = co_await session.cancel(consumer.channel, consumer.tag);
      if (done.has_error()) co_return done;
      if (connection == connections_) consumer.tag.clear();
      // Whoever waits for this wants to find everything that came before in the inbox.
      on_burst_end();
      break;
    }
    case Consumer::Step::close_channel:
      co_return co_await close_channel(session, consumer);
  }
  co_return Result<void>{};
}

broker::asio::awaitable<Result<void>> DeliveryLink::close_channel(broker::Session& session, Consumer& consumer) {
  const auto connection = connections_;
  if (consumer.acked_at && consumer.ledger.unacked() == 0) {
    broker::asio::steady_timer grace(link_.executor(), *std::exchange(consumer.acked_at, {}) + kAckGrace);
    co_await grace.async_wait(broker::asio::use_awaitable);
    // Something else may be wanted by now.
    const bool still = connection == connections_ && consumer.next_step() == Consumer::Step::close_channel;
    if (!still) co_return Result<void>{};
  }
  auto done = co_await session.close_channel(consumer.channel);
  if (done.has_error()) co_return done;
  if (connection == connections_) channel_lost(consumer);
  co_return Result<void>{};
}

void DeliveryLink::step_failed(Consumer& consumer, const Error& why) {
  if (why.code == ErrorCode::broker_unavailable) return;  // on_connected goes on
  // The broker closes a channel over a failed method (AMQP 0-9-1, 1.2): a new one is needed in any case.
  channel_lost(consumer);
  answer(consumer, consumer.settled() ? Result<void>{} : Result<void>{why});
  if (consumer.wanted == Wanted::serve) events_.on_consumer_lost(consumer.tenant, why);
}

void DeliveryLink::channel_lost(Consumer& consumer) {
  consumer.channel_lost();
  if (consumer.forgotten) return;  // the tenant may be back already, with another channel
  consumer.generation = dispatcher_.next_generation();
  dispatcher_.restart(consumer.tenant, consumer.generation);
  publish_standing(consumer);
  read_if_room();
}

void DeliveryLink::answer(Consumer& consumer, const Result<void>& result) {
  for (auto& waiter : std::exchange(consumer.waiters, {})) waiter.set_value(result);
}

void DeliveryLink::publish_standing(const Consumer& consumer) {
  const std::lock_guard lock(standing_mutex_);
  standing_[consumer.tenant] = {!consumer.tag.empty(), consumer.suspicious, consumer.prefetch};
}

DeliveryLink::Standing DeliveryLink::standing(TenantId tenant) const {
  const std::lock_guard lock(standing_mutex_);
  const auto found = standing_.find(tenant);
  return found == standing_.end() ? Standing{} : found->second;
}

void DeliveryLink::on_connected(broker::Session& session) noexcept {
  ++connections_;
  reading_ = true;
  events_.on_delivery_link(session.server());
  for (const auto& [tenant, consumer] : consumers_) steer(consumer);
}

void DeliveryLink::on_closed(const Error& why) noexcept {
  ++connections_;
  burst_.clear();
  for (const auto& [tenant, consumer] : consumers_) {
    channel_lost(*consumer);
    // A coroutine on its way answers for itself when it sees that the connection is gone.
    if (consumer->steering) continue;
    answer(*consumer, consumer->settled() ? Result<void>{} : Result<void>{why});
  }
  events_.on_delivery_link(why);
}

void DeliveryLink::on_delivery(const broker::Delivery& delivery) noexcept {
  const auto& consumer = by_channel_[delivery.channel.value];
  if (!consumer || !consumer->channel_open) return;
  if (!consumer->takes()) return;  // the channel is about to go, and this message with it
  consumer->ledger.delivered(delivery.tag);
  burst_.push_back({consumer->tenant, consumer->generation, make_parcel(consumer->tenant, delivery)});
  const bool was_suspicious = consumer->suspicious;
  if (consumer->note(burst_.back().parcel.suspicious())) steer(consumer);
  if (consumer->suspicious != was_suspicious) publish_standing(*consumer);
  if (arena_bytes_ >= kMaxBurstBytes) on_burst_end();
}

Parcel DeliveryLink::make_parcel(TenantId tenant, const broker::Delivery& delivery) {
  if (!arena_) {
    arena_ = std::make_shared<Arena>(next_arena_bytes_, &dispatcher_.memory());
    arena_bytes_ = 0;
    last_exchange_ = last_routing_key_ = {};
  }
  arena_bytes_ += delivery.body.size() + delivery.headers_json.size();
  const auto identity = identify_message(tenant, delivery.message_id);
  Parcel parcel;
  parcel.body = keep(*arena_, delivery.body);
  parcel.headers = keep(*arena_, delivery.headers_json);
  parcel.exchange = keep_once(last_exchange_, delivery.exchange);
  parcel.routing_key = keep_once(last_routing_key_, delivery.routing_key);
  parcel.arena = arena_;
  parcel.tag = delivery.tag;
  parcel.id = identity.id;
  parcel.has_own_id = identity.origin != MessageIdentity::Origin::generated;
  parcel.redelivered = delivery.redelivered;
  parcel.delivery_count = delivery.delivery_count;
  parcel.published_at = delivery.timestamp;
  return parcel;
}

void DeliveryLink::let_go() {
  admission_ = Admission::closed;
  for (const auto& [tenant, consumer] : consumers_) {
    consumer->admission = admission_;
    give_back_here(*consumer);
    steer(consumer);
  }
}

void DeliveryLink::give_back_here(Consumer& consumer) {
  if (!consumer.channel_open || consumer.reopen) return;
  consumer.reopen = true;
  consumer.generation = dispatcher_.next_generation();
  dispatcher_.restart(consumer.tenant, consumer.generation);
}

std::string_view DeliveryLink::keep_once(std::string_view& last, std::string_view bytes) {
  if (last != bytes) last = keep(*arena_, bytes);
  return last;
}

void DeliveryLink::on_burst_end() noexcept {
  if (burst_.empty()) return;
  dispatcher_.deliver(burst_);
  burst_.clear();
  // A burst has its own arena, about as large as the last one was: a trickle must not keep large blocks alive.
  next_arena_bytes_ = std::clamp(arena_bytes_ + arena_bytes_ / 8, kMinArenaBytes, kMaxArenaBytes);
  arena_.reset();
  read_if_room();
}

void DeliveryLink::read_if_room() {
  auto* session = link_.session();
  if (session == nullptr) return;
  const auto bytes = dispatcher_.in_flight_bytes();
  // A quarter of slack, so that the socket is not switched for every message at the limit.
  const bool full = bytes >= (reading_ ? options_.memory_bytes : options_.memory_bytes / 4 * 3);
  // RabbitMQ ends a connection that takes nothing for half a minute, heartbeats or not. So only while rows flow is it
  // enough to stop reading; else what is in hand goes back, and what still comes is not kept.
  if (full && admission_ == Admission::hold) let_go();
  const bool read = !full || admission_ == Admission::closed;
  if (read == reading_) return;
  reading_ = read;
  session->set_reading(read);
}

void DeliveryLink::room_again() {
  broker::asio::post(link_.executor(), [this] {
    if (!reading_) read_if_room();
  });
}

void DeliveryLink::on_consumer_cancelled(ChannelNumber channel, std::string_view consumer_tag) noexcept {
  const auto consumer = by_channel_[channel.value];
  if (!consumer) return;
  if (!consumer->asking.empty() && consumer->asking == consumer_tag) {
    consumer->asking.clear();  // its consume-ok is read, but whoever waits for it has not run yet
    return;
  }
  if (consumer->tag != consumer_tag) return;
  consumer->tag.clear();
  publish_standing(*consumer);
  if (consumer->wanted == Wanted::serve) {
    events_.on_consumer_lost(consumer->tenant, fail(ErrorCode::not_found,
                                                    "RabbitMQ cancelled the consumer: its queue was deleted or moved"));
  } else {
    steer(consumer);
  }
}

void DeliveryLink::on_channel_closed(ChannelNumber channel, const Error& why) noexcept {
  const auto consumer = by_channel_[channel.value];
  if (!consumer) return;
  channel_lost(*consumer);
  if (consumer->steering) return;
  answer(*consumer, consumer->settled() ? Result<void>{} : Result<void>{why});
  if (consumer->wanted == Wanted::serve) events_.on_consumer_lost(consumer->tenant, why);
}

void DeliveryLink::on_blocked(bool, std::string_view) noexcept {}  // consuming goes on while publishing is blocked

void DeliveryLink::settle(std::vector<Settlement> settlements) {
  broker::asio::post(link_.executor(), [this, settlements = std::move(settlements)] { settle_here(settlements); });
}

void DeliveryLink::settle_here(std::span<const Settlement> settlements) {
  auto* session = link_.session();
  for (const auto& settlement : settlements) {
    const auto found = consumers_.find(settlement.tenant);
    if (found == consumers_.end() || found->second->generation != settlement.generation) continue;
    const auto& consumer = found->second;
    const auto before = consumer->ledger.acked();
    consumer->ledger.settled(settlement.first, settlement.last);
    const auto tag = consumer->ledger.take_ack();
    if (!tag || session == nullptr) continue;
    // A failed ack means the connection is going away: the broker delivers again, the ids remove the duplicate.
    if (session->ack(consumer->channel, *tag, broker::Multiple::yes).has_error()) continue;
    acked_ += tag->value - before;
    consumer->acked_at = std::chrono::steady_clock::now();
    if (consumer->ledger.unacked() == 0 && consumer->next_step() != Consumer::Step::none) steer(consumer);
  }
  if (!reading_) read_if_room();
}

}  // namespace mtmsg::ingest
