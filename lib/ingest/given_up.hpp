#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>

#include "broker/link.hpp"
#include "broker/topology.hpp"
#include "core/backoff.hpp"
#include "domain/dead_letter.hpp"
#include "domain/payload.hpp"
#include "metrics/registry.hpp"
#include "store/database.hpp"

namespace mtmsg::ingest {

/// A message that the broker gave up, and why. A value.
struct GivenUp {
  DeadLetter letter;
  bool last_try = false;   ///< it may be fine: what was counted were disconnections
  bool has_own_id = true;  ///< false, and to be tried: the letter's id stands for all that are alike
  MessageId id;            ///< under which it is stored, or stays a dead letter: its own or a fresh one
};

/// Whose it is and why it came, from what only the broker can have written: the routing key that the tenant's queue
/// sets, and the newest entry of x-death. nullopt: no tenant's. Pure. `delivery_limit` is the queues'.
std::optional<GivenUp> read_given_up(const broker::Delivery& delivery, std::uint32_t delivery_limit);

class GivenUpEvents {
 public:
  /// A message in the dead-letter queue that belongs to no tenant there is; it was dropped. Any thread; must not throw.
  virtual void on_stray(const std::string& routing_key, const std::string& why) noexcept = 0;

 protected:
  ~GivenUpEvents() = default;
};

/// Takes what the broker gave up from the dead-letter queue into `dead_letters`, over a link of its own.
///
/// What exceeded the delivery limit is recorded first and then tried once more, alone: RabbitMQ counts every closed
/// connection against every message that was on it, so the count says little. A try that brings the daemon down is on
/// record; after kMaxTries the letter stays. One that the daemon outlives without a verdict is taken back. A message is
/// acknowledged after what became of it is committed.
///
/// Those without an id that are alike share the letter that counts their tries, for nothing else tells the one that
/// comes again from another. That letter is nobody's verdict: each of them is stored, or a letter under an id of its
/// own, and the shared one goes with it. So they are tried one after the other.
class GivenUpConsumer final : private broker::LinkHandler {
 public:
  /// More than one, so that a daemon that ends for another reason in the middle of a try costs no verdict.
  static constexpr unsigned kMaxTries = 3;

  struct Options {
    broker::ConnectOptions connect;  ///< its dead_letter_exchange is set here
    broker::TopologyOptions topology;
    PayloadLimits payload;
  };

  GivenUpConsumer(Options options, store::Database& database, metrics::Registry& metrics, GivenUpEvents& events);
  ~GivenUpConsumer();

  /// Once the database can be used.
  void start();
  /// Takes no further message; does not wait.
  void ask_to_stop();
  /// What is in hand goes back to its queue. Idempotent.
  void stop();
  broker::LinkStatus status() const { return link_.status(); }
  /// Messages of the tenant that wait for their try, or are at it. Any thread.
  std::size_t tried_again(TenantId tenant) const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Stage { record, ask, try_again };

  /// A delivery in hand.
  struct Held {
    std::uint64_t generation = 0;  ///< of the channel: its tag means nothing on another one
    DeliveryTag tag;
    std::optional<GivenUp> message;  ///< absent: a stray
    std::string routing_key;
    std::size_t bytes = 0;
    Stage stage = Stage::record;  ///< what comes next
    Clock::time_point due;
    Backoff backoff;
  };

  // Link thread.
  void on_connected(broker::Session& session) noexcept override;
  void on_delivery(const broker::Delivery& delivery) noexcept override;
  void on_burst_end() noexcept override {}
  void on_consumer_cancelled(ChannelNumber channel, std::string_view consumer_tag) noexcept override;
  void on_channel_closed(ChannelNumber channel, const Error& why) noexcept override;
  void on_blocked(bool, std::string_view) noexcept override {}
  void on_closed(const Error& why) noexcept override;
  enum class Begin { at_once, after_a_pause };
  void consume_again(Begin begin);
  void forget_channel();
  broker::asio::awaitable<void> consume(Begin begin);
  broker::asio::awaitable<Result<void>> try_to_consume();
  void acknowledge(std::uint64_t generation, DeliveryTag tag);
  void read_if_room();

  // Worker thread.
  void run();
  std::optional<Held> take();
  /// Others first. Unless it is a conflict with a like one it is somebody else's lock, or a trouble of its tenant's:
  /// all messages of that one wait, then one after the other asks for them.
  void later(Held held, const Error& why);
  Clock::time_point due_of(const Held& held) const;
  /// Success: what became of it is committed.
  Result<void> settle(Held& held);
  /// One that shares its record with this message waits for its try.
  bool like_one_under_way(const GivenUp& message);
  Result<void> try_again(const GivenUp& message);
  /// Success: the tenant is gone, and its letters with it.
  Result<void> await_delete(TenantId tenant);
  /// Through outages. timeout: somebody else holds the tenant's counter.
  Result<store::TenantOutcome> store(TenantId tenant, const store::IncomingMessage& message);
  template <class Ask>
  auto insist(Ask ask) -> decltype(ask());
  void count(const store::TenantOutcome& outcome, DeadReason reason);
  bool wait(std::chrono::milliseconds time);

  const Options options_;
  store::DeadLetterStore& letters_;
  store::TenantStore& tenants_;
  const std::unique_ptr<store::BatchStore> store_;
  metrics::IngestMetrics metrics_;
  GivenUpEvents& events_;

  PayloadValidator validator_;  // worker thread
  std::minstd_rand random_;     // worker thread
  struct Pause {
    Clock::time_point until;
    Backoff backoff;
  };
  std::unordered_map<TenantId, Pause> held_;  // worker thread: tenants for which nothing can be done now
  // Link thread.
  std::uint64_t generation_ = 0;  // counts channels
  bool steering_ = false;         // consume() is on its way
  bool reading_ = true;
  broker::DeadLetterQueue how_ = broker::DeadLetterQueue::declare;

  mutable std::mutex mutex_;  ///< guards all below but the link
  std::condition_variable wake_;
  std::deque<Held> waiting_;
  std::optional<TenantId> at_hand_;  ///< whose message is tried at the moment
  std::size_t bytes_ = 0;            ///< of all in hand
  bool stopping_ = false;
  bool started_ = false;

  broker::Link link_;  ///< its thread uses everything above
  std::thread worker_;
};

}  // namespace mtmsg::ingest
