#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "tls/context.hpp"

/// The edge to RabbitMQ. A Session is one AMQP 0-9-1 connection and belongs to one link thread (broker/link.hpp).
namespace mtmsg::broker {

namespace asio = boost::asio;

/// Why the broker gave a message up and where it had been: the newest entry of x-death, which the broker itself writes.
struct Death {
  std::string reason;  ///< "delivery_limit", "expired", "rejected", "maxlen"
  std::string queue;
  std::string exchange;     ///< where it had been published
  std::string routing_key;  ///< the first of those it had been published with
};

/// One basic.deliver with its content. Views are valid during SessionHandler::on_delivery only.
struct Delivery {
  ChannelNumber channel;
  DeliveryTag tag;
  bool redelivered = false;
  /// How often the broker says it delivered this before (x-delivery-count of a quorum queue). 0 unless `redelivered`:
  /// a publisher can forge the header on a first delivery.
  std::uint32_t delivery_count = 0;
  std::string_view exchange;     ///< it came through this one; empty: the default exchange
  std::string_view routing_key;  ///< it came with
  const Death* death = nullptr;  ///< of a delivery that came through ConnectOptions::dead_letter_exchange, if it says
  std::string_view body;
  std::optional<std::string_view> message_id;  ///< the bytes as sent, any bytes
  std::optional<Timestamp> timestamp;          ///< AMQP's has seconds; absent when out of PostgreSQL's range
  /// One JSON object that `jsonb` always takes: the application's headers, and the AMQP properties under the key
  /// "amqp". See broker/headers.hpp.
  std::string_view headers_json;
};

/// The how-manieth publication of a channel since it was opened: 1, 2, 3 … (the delivery tag of its confirm).
using PublishNumber = TypedNumber<struct PublishNumberKind, std::uint64_t>;

/// Calls back on the link thread only, never from inside a call of the Session, and must not throw.
class SessionHandler {
 public:
  virtual void on_delivery(const Delivery& delivery) noexcept = 0;
  /// The socket has been read empty, or a burst of deliveries (at most 256) was handed over: the moment to act on
  /// several deliveries at once. Not called when nothing was delivered since.
  virtual void on_burst_end() noexcept = 0;
  /// The broker took the consumer away (basic.cancel): its queue was deleted, or its leader moved.
  virtual void on_consumer_cancelled(ChannelNumber channel, std::string_view consumer_tag) noexcept = 0;
  /// The broker closed one channel; its unacknowledged deliveries go back to the queue, its tags are void.
  virtual void on_channel_closed(ChannelNumber channel, const Error& why) noexcept = 0;
  /// What became of a publication. Success: a queue holds it durably. `not_found`: returned as unroutable (no queue is
  /// bound); `broker_rejected`: nacked (queue full, or the queue's leader could not take it). Publications still open
  /// when their channel or connection ends get none: on_channel_closed or on_closed speaks for all of them.
  virtual void on_confirm(ChannelNumber, PublishNumber, const Result<void>&) noexcept {}
  /// connection.blocked / connection.unblocked: the broker takes no publishes for now.
  virtual void on_blocked(bool blocked, std::string_view reason) noexcept = 0;
  /// The connection is gone. The last call; every pending awaitable has been, or is being, completed with
  /// broker_unavailable.
  virtual void on_closed(const Error& why) noexcept = 0;

 protected:
  ~SessionHandler() = default;
};

/// Arguments RabbitMQ fixes when a queue is declared; a later declare must repeat them.
struct QueueSpec {
  std::string name;
  bool quorum = true;                ///< x-queue-type quorum, else classic
  std::uint32_t delivery_limit = 0;  ///< x-delivery-limit (quorum only), 0: none, also where the broker has a default
  bool reject_publish = false;       ///< x-overflow = reject-publish
  std::string dead_letter_exchange;  ///< empty: none. On a quorum queue with reject_publish also
                                     ///< x-dead-letter-strategy = at-least-once
  std::string dead_letter_routing_key;
  bool single_active_consumer = false;
  std::uint64_t max_length = 0;  ///< x-max-length: ready messages it takes; 0: no bound
};

struct QueueDepth {
  std::uint64_t ready = 0;  ///< messages waiting for a consumer
  std::uint32_t consumers = 0;
};

/// basic.publish with `mandatory` and a confirm, persistent.
struct Publication {
  std::string exchange;
  std::string routing_key;
  std::string body;
  /// Also how a returned publication is recognised among those in flight: two with the same exchange, routing key and
  /// id count as the same message.
  std::string message_id;
  std::string content_type = "application/json";
  std::optional<Timestamp> timestamp;
  std::vector<std::pair<std::string, std::string>> headers;  ///< strings; for example traceparent
};

enum class Multiple { no, yes };

/// Link thread only. A call that waits for the broker is a coroutine; its reply arrives as one more frame among the
/// deliveries, so no call ever blocks the thread or stalls other channels. Errors: broker_unavailable when the
/// connection is or goes away (or the reply takes longer than the RPC limit, which closes the connection),
/// broker_rejected when the broker closes the channel over it (the channel is then closed, AMQP 1.5.2) or the
/// channel is not open, not_found and conflict for its 404 and 406, invalid_argument for what AMQP cannot carry.
/// A Session may be destroyed at any time on its thread, also from one of its callbacks: on_closed is then not called.
class Session {
 public:
  virtual ~Session() = default;

  virtual bool alive() const noexcept = 0;
  /// "host:port", for messages.
  virtual std::string server() const = 0;
  /// The highest channel number (tune.channel-max).
  virtual std::uint16_t channel_max() const noexcept = 0;

  virtual asio::awaitable<Result<void>> open_channel(ChannelNumber channel) = 0;
  virtual asio::awaitable<Result<void>> close_channel(ChannelNumber channel) = 0;

  /// basic.qos(prefetch) then basic.consume: a new prefetch counts only for consumers started after it.
  virtual asio::awaitable<Result<void>> consume(ChannelNumber channel, std::string queue, std::string consumer_tag,
                                                std::uint16_t prefetch) = 0;
  /// After it completes no delivery of this consumer arrives any more. Tags in flight stay valid.
  virtual asio::awaitable<Result<void>> cancel(ChannelNumber channel, std::string consumer_tag) = 0;
  /// basic.ack. Nothing answers it: broker_unavailable only says that it could not be sent.
  virtual Result<void> ack(ChannelNumber channel, DeliveryTag tag, Multiple multiple) = 0;

  /// Durable; idempotent as long as the arguments are the same, else `conflict` (406 PRECONDITION_FAILED).
  virtual asio::awaitable<Result<QueueDepth>> declare_queue(ChannelNumber channel, QueueSpec spec) = 0;
  /// Passive declare: `not_found` when there is no such queue.
  virtual asio::awaitable<Result<QueueDepth>> queue_depth(ChannelNumber channel, std::string queue) = 0;
  /// The number of messages that went with it; 0 when there was no such queue.
  virtual asio::awaitable<Result<std::uint64_t>> delete_queue(ChannelNumber channel, std::string queue) = 0;
  /// Durable. `type` is direct, fanout or topic.
  virtual asio::awaitable<Result<void>> declare_exchange(ChannelNumber channel, std::string exchange,
                                                         std::string type) = 0;
  virtual asio::awaitable<Result<void>> delete_exchange(ChannelNumber channel, std::string exchange) = 0;
  virtual asio::awaitable<Result<void>> bind_queue(ChannelNumber channel, std::string queue, std::string exchange,
                                                   std::string routing_key) = 0;

  /// false: frames stay in the socket until it is called with true. Heartbeats go on being sent, and neither their
  /// absence nor an unanswered call counts against the broker meanwhile. Any number of times.
  virtual void set_reading(bool reading) = 0;

  /// Turns publisher confirms on for the channel.
  virtual asio::awaitable<Result<void>> confirm_select(ChannelNumber channel) = 0;
  /// Sends at once, on a channel in confirm mode; SessionHandler::on_confirm answers. Errors: broker_unavailable,
  /// broker_rejected (the channel is not open in confirm mode), invalid_argument (longer than AMQP's fields hold).
  virtual Result<PublishNumber> publish(ChannelNumber channel, const Publication& publication) = 0;

  /// connection.close, waits for close-ok at most the RPC limit. on_closed is not called.
  virtual asio::awaitable<void> close() = 0;
};

struct ConnectOptions {
  /// amqps:// is TLS, on every host. amqp://user:password@host:port/vhost (the vhost percent-encoded), or several
  /// servers: …@host:port,host:port/vhost
  std::string url;
  /// Shown by the broker's management.
  std::string connection_name;
  std::chrono::seconds heartbeat{10};
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds rpc_timeout{15000};
  /// What comes through this exchange was given up by the broker: Delivery::death says why, and the headers the broker
  /// added for it are not in headers_json. Empty: nothing does.
  std::string dead_letter_exchange = {};
  /// For amqps://. Read at each connect, so that what is renewed is used.
  tls::ClientFiles tls = {};
};

/// Connects and logs in; blocks the calling (link) thread for at most connect_timeout, which several servers share; but
/// each has 2 s, if connect_timeout allows that. Later calls back on `io`'s thread. Errors: broker_unavailable with a
/// sentence for each server that names host and port and never the password; invalid_argument for a URL that is none.
Result<std::unique_ptr<Session>> connect(asio::io_context& io, const ConnectOptions& options, SessionHandler& handler);

}  // namespace mtmsg::broker
