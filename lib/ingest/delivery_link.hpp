#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "broker/link.hpp"
#include "core/ids.hpp"
#include "core/result.hpp"
#include "ingest/consumer.hpp"
#include "ingest/dispatcher.hpp"

namespace mtmsg::ingest {

/// What a link tells its owner. On the link thread; must not throw.
class DeliveryEvents {
 public:
  /// The tenant's consumer ended for a reason that is not the connection's: its queue is gone (not_found), or its
  /// channel was closed. It stays away until DeliveryLink::serve() is called again.
  virtual void on_consumer_lost(TenantId tenant, const Error& why) noexcept = 0;
  /// "host:port" of the broker it is connected to now, or why it is not; once per change.
  virtual void on_delivery_link(const Result<std::string>& server) noexcept = 0;

 protected:
  ~DeliveryEvents() = default;
};

/// One delivery connection: the tenants' channels, consumers and ack ledgers. All of them are touched on the link's
/// thread only; the public functions post there and may be called from any thread.
class DeliveryLink final : private broker::LinkHandler {
 public:
  /// Nothing answers an ack, and RabbitMQ forgets the ones its quorum queue has not applied when their channel ends
  /// (measured on 3.10 under load: 6 of 42 stops had their last transaction delivered again; with this wait 0 of 35).
  /// Asking the queue for its depth on the same channel first does not help.
  static constexpr std::chrono::milliseconds kAckGrace{300};

  struct Options {
    broker::ConnectOptions connect;
    std::uint16_t max_channels = 2000;     ///< tenants; below the 2,047 channels RabbitMQ allows by default
    std::size_t memory_bytes = 192 << 20;  ///< with more in flight (all links together) the socket is not read
  };

  DeliveryLink(Options options, Dispatcher& dispatcher, DeliveryEvents& events);
  ~DeliveryLink();

  void start();
  /// Closes the connection in order. Acks posted before are sent first.
  void stop();
  broker::LinkStatus status() const;

  /// Wants a consumer with this prefetch for the tenant; ready when it stands (or failed to: the error). While the
  /// broker is away it is broker_unavailable, and the consumer comes with the connection.
  enum class Order { any, strict };  ///< strict: see Consumer; the queue has to have a single active consumer
  std::future<Result<void>> serve(TenantId tenant, std::uint16_t prefetch, Order order);
  /// Takes no more, but the channel stays for the acks of what is in hand.
  std::future<Result<void>> idle(TenantId tenant);
  /// Takes no more, waits until everything in hand is acked, closes the channel.
  std::future<Result<void>> leave(TenantId tenant);
  /// Closes the channel now; what is in hand goes back to the queue.
  std::future<Result<void>> drop(TenantId tenant);
  /// After leave() or drop(): the channel number is free again.
  void forget(TenantId tenant);
  /// drop() and on_consumer_lost(): what the tenant needs in the database is not there.
  void give_back(TenantId tenant, Error why);

  /// These tags are committed: acknowledge them. Those of an older generation are forgotten.
  struct Settlement {
    TenantId tenant;
    Generation generation;
    DeliveryTag first;
    DeliveryTag last;
  };
  void settle(std::vector<Settlement> settlements);
  /// One message at a time for this tenant, whatever its prefetch, until widen(). With give_back what waits is the
  /// broker's again: its memory is free at once.
  enum class InHand { keep, give_back };
  void narrow(TenantId tenant, InHand in_hand);
  void widen(TenantId tenant);
  /// For all tenants, also those to come. What serve() waits for answers database_unavailable while it is not open.
  void admit(Admission admission);
  /// In-flight bytes became fewer: read on if there is room.
  void room_again();

  /// Of a tenant's consumer, as others see it.
  struct Standing {
    bool consuming = false;      ///< a consumer stands at the broker
    bool suspicious = false;     ///< the last delivery had been delivered too often before
    std::uint16_t prefetch = 0;  ///< of that consumer
    friend bool operator==(const Standing&, const Standing&) = default;
  };
  Standing standing(TenantId tenant) const;
  std::uint64_t acked() const noexcept { return acked_; }

 private:
  using ConsumerPtr = std::shared_ptr<Consumer>;

  void on_connected(broker::Session& session) noexcept override;
  void on_connect_failed(const Error& why) noexcept override { events_.on_delivery_link(why); }
  void on_delivery(const broker::Delivery& delivery) noexcept override;
  void on_burst_end() noexcept override;
  void on_consumer_cancelled(ChannelNumber channel, std::string_view consumer_tag) noexcept override;
  void on_channel_closed(ChannelNumber channel, const Error& why) noexcept override;
  void on_blocked(bool blocked, std::string_view reason) noexcept override;
  void on_closed(const Error& why) noexcept override;

  std::future<Result<void>> want(TenantId tenant, Wanted wanted, std::uint16_t prefetch = 1, Order order = Order::any);
  ConsumerPtr find_or_add(TenantId tenant);
  void steer(const ConsumerPtr& consumer);
  broker::asio::awaitable<void> steering(ConsumerPtr consumer);
  broker::asio::awaitable<Result<void>> take_step(broker::Session& session, Consumer& consumer, Consumer::Step step);
  broker::asio::awaitable<Result<void>> close_channel(broker::Session& session, Consumer& consumer);
  void free_channel(Consumer& consumer);
  void step_failed(Consumer& consumer, const Error& why);
  void channel_lost(Consumer& consumer);
  void answer(Consumer& consumer, const Result<void>& result);
  void settle_here(std::span<const Settlement> settlements);
  void read_if_room();
  /// All channels closed, what waits in the inboxes thrown away: it is the broker's again.
  void let_go();
  void give_back_here(Consumer& consumer);
  Parcel make_parcel(TenantId tenant, const broker::Delivery& delivery);
  /// In the arena; bytes that are the same as the last time stand there once.
  std::string_view keep_once(std::string_view& last, std::string_view bytes);
  void publish_standing(const Consumer& consumer);

  const Options options_;
  Dispatcher& dispatcher_;
  DeliveryEvents& events_;

  // Link thread only.
  std::unordered_map<TenantId, ConsumerPtr> consumers_;
  std::vector<ConsumerPtr> by_channel_;  ///< index: channel number
  std::vector<ChannelNumber> free_channels_;
  std::uint64_t connections_ = 0;  ///< to tell whether the connection changed while a coroutine waited
  Admission admission_ = Admission::open;
  std::vector<Dispatcher::Arrival> burst_;
  std::shared_ptr<Arena> arena_;
  std::size_t arena_bytes_ = 0;
  std::size_t next_arena_bytes_ = 1024;
  std::string_view last_exchange_;     ///< in arena_
  std::string_view last_routing_key_;  ///< likewise
  bool reading_ = true;

  std::atomic<std::uint64_t> acked_{0};
  mutable std::mutex standing_mutex_;
  std::unordered_map<TenantId, Standing> standing_;  ///< guarded by standing_mutex_

  broker::Link link_;  ///< last: its thread uses everything above
};

}  // namespace mtmsg::ingest
