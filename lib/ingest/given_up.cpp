#include "ingest/given_up.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "domain/message.hpp"

namespace mtmsg::ingest {
namespace {

constexpr ChannelNumber kChannel{1};
/// Many, because those of a tenant that is held stay in hand: what goes back to a quorum queue comes again before all
/// others.
constexpr std::uint16_t kPrefetch = 2048;
/// With more in hand the socket is not read: one message may be as large as the broker allows.
constexpr std::size_t kMaxBytesInHand = 16 << 20;
constexpr std::chrono::seconds kConsumeAgain{1};
constexpr const char* kStopping = "the daemon stops; the broker keeps what was not committed";

std::optional<TenantId> tenant_of(std::string_view routing_key) {
  const auto prefix = broker::tenant_exchange(TenantId{}).size() - TenantId{}.to_string().size();
  if (routing_key.size() <= prefix) return std::nullopt;
  const auto id = TenantId::parse(routing_key.substr(prefix));
  return id && broker::tenant_exchange(*id) == routing_key ? id : std::nullopt;
}

/// https://www.rabbitmq.com/docs/dlx, "Effects on Messages": the reasons there are.
Refusal refusal_of(const broker::Death* death, std::uint32_t delivery_limit) {
  const auto reason = death == nullptr ? std::string_view() : std::string_view(death->reason);
  if (reason == "delivery_limit") {
    return {DeadReason::delivery_limit,
            "delivered more than " + std::to_string(delivery_limit) + " times without an answer",
            {}};
  }
  if (reason == "expired") return {DeadReason::expired, "its time to live was over before it was delivered", {}};
  if (reason == "maxlen") return {DeadReason::queue_full, "a policy bounds the tenant's queue and dropped it", {}};
  if (reason == "rejected") {
    return {DeadReason::rejected_by_consumer, "a consumer that is not mtmsg took it from the queue and refused it", {}};
  }
  return {DeadReason::rejected_by_consumer, "the broker gave it up and did not say why", {}};
}

}  // namespace

std::optional<GivenUp> read_given_up(const broker::Delivery& delivery, std::uint32_t delivery_limit) {
  const auto tenant = tenant_of(delivery.routing_key);
  if (!tenant) return std::nullopt;
  GivenUp given_up;
  auto& letter = given_up.letter;
  letter.tenant = *tenant;
  letter.refusal = refusal_of(delivery.death, delivery_limit);
  letter.body = delivery.body;
  letter.headers = delivery.headers_json;
  letter.published_at = delivery.timestamp;
  if (delivery.death != nullptr) {
    letter.exchange = delivery.death->exchange;
    letter.routing_key = delivery.death->routing_key;
  }
  given_up.last_try = letter.refusal.reason == DeadReason::delivery_limit;
  if (given_up.last_try) letter.deliveries = std::int64_t{delivery_limit} + 1;
  const auto identity = identify_message(*tenant, delivery.message_id);
  given_up.id = letter.id = identity.id;
  given_up.has_own_id = identity.origin != MessageIdentity::Origin::generated;
  // The same again when it is delivered again: its tries have to be counted. What is not tried stays as it is, and two
  // that are alike stay two.
  if (given_up.last_try && !given_up.has_own_id) {
    letter.id = MessageId{Uuid::v5(tenant->value, letter.headers + letter.body)};
  }
  return given_up;
}

GivenUpConsumer::GivenUpConsumer(Options options, store::Database& database, metrics::Registry& metrics,
                                 GivenUpEvents& events)
    : options_(std::move(options)),
      letters_(database.dead_letters()),
      tenants_(database.tenants()),
      store_(database.make_batch_store()),
      metrics_(metrics),
      events_(events),
      validator_(options_.payload),
      random_(std::random_device{}()),
      link_(
          [this] {
            auto connect = options_.connect;
            connect.dead_letter_exchange = broker::dead_letter_exchange(options_.topology);
            return connect;
          }(),
          *this) {}

GivenUpConsumer::~GivenUpConsumer() {
  stop();
}

void GivenUpConsumer::start() {
  const std::lock_guard lock(mutex_);
  if (stopping_ || std::exchange(started_, true)) return;
  worker_ = std::thread([this] { run(); });
  link_.start();
}

void GivenUpConsumer::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  store_->cancel();
}

void GivenUpConsumer::stop() {
  ask_to_stop();
  if (worker_.joinable()) worker_.join();
  link_.stop();
}

// Link thread.

void GivenUpConsumer::on_connected(broker::Session&) noexcept {
  reading_ = true;
  consume_again(Begin::at_once);
}

void GivenUpConsumer::forget_channel() {
  ++generation_;
  const std::lock_guard lock(mutex_);
  for (const auto& held : waiting_) bytes_ -= held.bytes;
  waiting_.clear();
}

void GivenUpConsumer::consume_again(Begin begin) {
  forget_channel();
  // One that is on its way sees that its channel is gone, and begins anew.
  if (std::exchange(steering_, true)) return;
  broker::asio::co_spawn(link_.executor(), consume(begin), broker::asio::detached);
}

broker::asio::awaitable<void> GivenUpConsumer::consume(Begin begin) {
  broker::asio::steady_timer pause(link_.executor());
  for (bool wait = begin == Begin::after_a_pause; link_.session() != nullptr; wait = true) {
    if (wait) {
      pause.expires_after(kConsumeAgain);
      co_await pause.async_wait(broker::asio::use_awaitable);
      if (link_.session() == nullptr) break;
    }
    const auto generation = generation_;
    const auto consuming = co_await try_to_consume();
    if (consuming && generation == generation_) break;
    const bool conflict = !consuming && consuming.error().code == ErrorCode::conflict;
    if (conflict) how_ = broker::DeadLetterQueue::take_as_it_is;
  }
  steering_ = false;
}

broker::asio::awaitable<Result<void>> GivenUpConsumer::try_to_consume() {
  const Error gone{ErrorCode::broker_unavailable, "the connection is gone"};
  auto* session = link_.session();
  // One of an earlier try may be open still; that it is not is no failure.
  (void)co_await session->close_channel(kChannel);
  if (session = link_.session(); session == nullptr) co_return gone;
  if (auto opened = co_await session->open_channel(kChannel); !opened) co_return opened;
  if (session = link_.session(); session == nullptr) co_return gone;
  auto ensured = co_await broker::ensure_dead_letter_queue(*session, kChannel, options_.topology, how_);
  if (!ensured) co_return ensured;
  if (session = link_.session(); session == nullptr) co_return gone;
  co_return co_await session->consume(kChannel, broker::dead_letter_queue(options_.topology),
                                      "mtmsg-" + Uuid::v4().to_string(), kPrefetch);
}

void GivenUpConsumer::on_consumer_cancelled(ChannelNumber, std::string_view) noexcept {
  consume_again(Begin::after_a_pause);
}

void GivenUpConsumer::on_channel_closed(ChannelNumber, const Error&) noexcept {
  consume_again(Begin::after_a_pause);
}

void GivenUpConsumer::on_closed(const Error&) noexcept {
  forget_channel();
}

void GivenUpConsumer::on_delivery(const broker::Delivery& delivery) noexcept {
  Held held;
  held.generation = generation_;
  held.tag = delivery.tag;
  held.message = read_given_up(delivery, options_.topology.delivery_limit);
  held.routing_key = delivery.routing_key;
  held.bytes = delivery.body.size() + delivery.headers_json.size();
  {
    const std::lock_guard lock(mutex_);
    bytes_ += held.bytes;
    waiting_.push_back(std::move(held));
  }
  wake_.notify_all();
  read_if_room();
}

void GivenUpConsumer::acknowledge(std::uint64_t generation, DeliveryTag tag) {
  auto* session = link_.session();
  // One that can't be sent comes again; its letter then counts one arrival more.
  if (session != nullptr && generation == generation_) (void)session->ack(kChannel, tag, broker::Multiple::no);
  read_if_room();
}

std::size_t GivenUpConsumer::tried_again(TenantId tenant) const {
  const std::lock_guard lock(mutex_);
  const auto of_tenant = std::ranges::count_if(waiting_, [tenant](const Held& held) {
    return held.message && held.message->last_try && held.message->letter.tenant == tenant;
  });
  return static_cast<std::size_t>(of_tenant) + (at_hand_ == tenant ? 1 : 0);
}

void GivenUpConsumer::read_if_room() {
  auto* session = link_.session();
  if (session == nullptr) return;
  std::size_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    bytes = bytes_;
  }
  const bool read = bytes < kMaxBytesInHand;
  if (std::exchange(reading_, read) != read) session->set_reading(read);
}

// Worker thread.

void GivenUpConsumer::run() {
  while (auto held = take()) {
    const auto settled = settle(*held);
    {
      const std::lock_guard lock(mutex_);
      at_hand_.reset();
    }
    if (!settled && settled.error().code == ErrorCode::stopping) return;
    if (!settled) {
      later(std::move(*held), settled.error());
      continue;
    }
    if (held->message) held_.erase(held->message->letter.tenant);
    {
      const std::lock_guard lock(mutex_);
      bytes_ -= held->bytes;
    }
    broker::asio::post(link_.executor(),
                       [this, generation = held->generation, tag = held->tag] { acknowledge(generation, tag); });
  }
}

std::optional<GivenUpConsumer::Held> GivenUpConsumer::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return std::nullopt;
    const auto next = std::min_element(waiting_.begin(), waiting_.end(),
                                       [&](const Held& one, const Held& other) { return due_of(one) < due_of(other); });
    if (next == waiting_.end()) {
      wake_.wait(lock);
    } else if (const auto due = due_of(*next); due > Clock::now()) {
      wake_.wait_until(lock, due);
    } else {
      auto held = std::move(*next);
      waiting_.erase(next);
      if (held.message && held.message->last_try) at_hand_ = held.message->letter.tenant;
      return held;
    }
  }
}

GivenUpConsumer::Clock::time_point GivenUpConsumer::due_of(const Held& held) const {
  if (held_.empty() || !held.message) return held.due;
  const auto pause = held_.find(held.message->letter.tenant);
  return pause == held_.end() ? held.due : std::max(held.due, pause->second.until);
}

void GivenUpConsumer::later(Held held, const Error& why) {
  const auto pause = [&](Backoff& backoff) {
    return Clock::now() + backoff.next(static_cast<std::uint32_t>(random_()));
  };
  held.due = pause(held.backoff);
  if (why.code != ErrorCode::conflict) {
    auto& all = held_[held.message->letter.tenant];
    all.until = pause(all.backoff);
  }
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(held));
}

Result<void> GivenUpConsumer::settle(Held& held) {
  if (!held.message) {
    events_.on_stray(held.routing_key, "its routing key names no tenant");
    return {};
  }
  const auto& letter = held.message->letter;
  if (held.stage == Stage::record) {
    if (like_one_under_way(*held.message)) return fail(ErrorCode::conflict, "one that is alike waits for its try");
    auto record = store::message_of(letter, store::Source::delivery);
    record.refusal = letter.refusal;
    const auto recorded = store(letter.tenant, record);
    if (!recorded) return recorded.error();
    if (recorded->gone) {
      events_.on_stray(held.routing_key, "its tenant does not exist any more");
      return {};
    }
    if (!held.message->last_try) {
      count(*recorded, letter.refusal.reason);
      return {};
    }
    held.stage = Stage::ask;
  }
  if (held.stage == Stage::ask) {
    const auto at = now();
    const auto asked =
        insist([&] { return letters_.begin_last_try(letter.tenant, letter.id, kMaxTries, held.message->id, at); });
    if (!asked && asked.error().code == ErrorCode::not_found) return await_delete(letter.tenant);
    if (!asked) return asked.error();
    if (asked->verdict == store::LastTry::Verdict::used_up) {
      metrics_.dead_letters(to_string(letter.refusal.reason)).add();
      return {};
    }
    if (asked->verdict == store::LastTry::Verdict::no_letter) {
      held.stage = Stage::record;
      return fail(ErrorCode::conflict, "somebody took its letter away before its try");
    }
    held.stage = Stage::try_again;
  }
  auto tried = try_again(*held.message);
  if (tried || tried.error().code == ErrorCode::stopping) return tried;
  // Where not even this can be written now, the next try is this one.
  if (insist([&] { return letters_.take_back_last_try(letter.tenant, letter.id); })) held.stage = Stage::ask;
  return tried;
}

Result<void> GivenUpConsumer::await_delete(TenantId tenant) {
  const auto row = insist([&] { return tenants_.find(tenant); });
  if (row) return fail(ErrorCode::timeout, "its tenant is being deleted, unless that is called off");
  return row.error().code == ErrorCode::not_found ? Result<void>{} : Result<void>{row.error()};
}

bool GivenUpConsumer::like_one_under_way(const GivenUp& message) {
  if (!message.last_try || message.has_own_id) return false;
  const std::lock_guard lock(mutex_);
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const Held& held) {
    return held.stage != Stage::record && held.message->letter.tenant == message.letter.tenant &&
           held.message->letter.id == message.letter.id;
  });
}

Result<void> GivenUpConsumer::try_again(const GivenUp& given_up) {
  const auto& letter = given_up.letter;
  auto message = store::message_of(letter, store::Source::last_try);
  message.id = given_up.id;
  if (!given_up.has_own_id) message.record = letter.id;
  const auto tenant = insist([&] { return tenants_.find(letter.tenant); });
  if (!tenant && tenant.error().code != ErrorCode::not_found) return tenant.error();
  const auto most_bytes = tenant ? tenant->limits.value(Limit::max_message_bytes) : 0;
  message.refusal = validator_.check(letter.body, most_bytes);
  const auto outcome = store(letter.tenant, message);
  if (!outcome) return outcome.error();
  count(*outcome, message.refusal ? message.refusal->reason : DeadReason::rejected_by_database);
  return {};
}

Result<store::TenantOutcome> GivenUpConsumer::store(TenantId tenant, const store::IncomingMessage& message) {
  return insist([&]() -> Result<store::TenantOutcome> {
    auto outcomes = store_->store({store::TenantBatch{tenant, {message}}});
    if (!outcomes) return outcomes.error();
    if (outcomes->front().locked) return fail(ErrorCode::timeout, "the tenant's counter is held");
    return outcomes->front();
  });
}

template <class Ask>
auto GivenUpConsumer::insist(Ask ask) -> decltype(ask()) {
  Backoff backoff;
  for (;;) {
    auto answer = ask();
    if (answer.has_value() || answer.error().code != ErrorCode::database_unavailable) return answer;
    if (!wait(backoff.next(static_cast<std::uint32_t>(random_())))) {
      return fail(ErrorCode::stopping, kStopping);
    }
  }
}

void GivenUpConsumer::count(const store::TenantOutcome& outcome, DeadReason reason) {
  metrics_.messages_stored.add(outcome.stored);
  metrics_.duplicates_suppressed.add(outcome.duplicates);
  metrics_.dead_letters(to_string(reason)).add(outcome.dead_letters);
}

bool GivenUpConsumer::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

}  // namespace mtmsg::ingest
