#include "broker/amqp/session.hpp"

#include "broker/amqp/core.hpp"

namespace mtmsg::broker {
namespace amqp {
namespace {

using asio::awaitable;

/// From this version on a quorum queue has a limit of its own unless it is told that there is none.
constexpr unsigned kDefaultDeliveryLimit = 4;

/// The arguments of x-… that a QueueSpec asks for.
class QueueArguments {
 public:
  QueueArguments(const QueueSpec& spec, unsigned server_version) {
    text("x-queue-type", spec.quorum ? "quorum" : "classic");
    if (spec.quorum && spec.delivery_limit > 0) {
      number("x-delivery-limit", spec.delivery_limit);
    } else if (spec.quorum && server_version >= kDefaultDeliveryLimit) {
      number("x-delivery-limit", -1);
    }
    if (spec.reject_publish) text("x-overflow", "reject-publish");
    if (!spec.dead_letter_exchange.empty()) {
      text("x-dead-letter-exchange", spec.dead_letter_exchange);
      text("x-dead-letter-routing-key", spec.dead_letter_routing_key);
      if (spec.quorum && spec.reject_publish) text("x-dead-letter-strategy", "at-least-once");
    }
    if (spec.single_active_consumer) flag("x-single-active-consumer");
    if (spec.max_length > 0) number("x-max-length", static_cast<std::int64_t>(spec.max_length));
  }
  amqp_table_t table() {
    amqp_table_t out;
    out.num_entries = static_cast<int>(entries_.size());
    out.entries = entries_.data();
    return out;
  }

 private:
  amqp_field_value_t& add(const char* key, int kind) {
    auto& entry = entries_.emplace_back();
    entry.key = amqp_cstring_bytes(key);
    entry.value.kind = static_cast<std::uint8_t>(kind);
    return entry.value;
  }
  void text(const char* key, std::string_view value) { add(key, AMQP_FIELD_KIND_UTF8).value.bytes = bytes(value); }
  void number(const char* key, std::int64_t value) { add(key, AMQP_FIELD_KIND_I64).value.i64 = value; }
  void flag(const char* key) { add(key, AMQP_FIELD_KIND_BOOLEAN).value.boolean = 1; }

  std::vector<amqp_table_entry_t> entries_;
};

Result<void> without_value(const Result<Reply>& reply) {
  if (!reply) return reply.error();
  return {};
}

awaitable<Result<void>> done(std::shared_ptr<Core> core, std::shared_ptr<Rpc> rpc) {
  co_return without_value(co_await Core::wait(std::move(core), std::move(rpc)));
}

awaitable<Result<void>> refuse(Error why) {
  co_return why;
}

/// AMQP's names are short strings; the library would cut their length.
Result<void> check_names(std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (name.size() > 255) return Error{ErrorCode::invalid_argument, "a name in AMQP has at most 255 bytes"};
  }
  return {};
}

awaitable<Result<void>> both(std::shared_ptr<Core> core, std::shared_ptr<Rpc> first, std::shared_ptr<Rpc> second) {
  const auto before = co_await Core::wait(core, std::move(first));
  const auto after = co_await Core::wait(core, std::move(second));
  co_return without_value(before ? after : before);
}

awaitable<Result<QueueDepth>> depth(std::shared_ptr<Core> core, std::shared_ptr<Rpc> rpc) {
  const auto reply = co_await Core::wait(std::move(core), std::move(rpc));
  if (!reply) co_return reply.error();
  co_return QueueDepth{reply->messages, reply->consumers};
}

awaitable<Result<std::uint64_t>> messages(std::shared_ptr<Core> core, std::shared_ptr<Rpc> rpc) {
  const auto reply = co_await Core::wait(std::move(core), std::move(rpc));
  if (!reply) co_return reply.error();
  co_return reply->messages;
}

template <class T>
awaitable<Result<T>> refuse_value(Error why) {
  co_return why;
}

awaitable<void> close_in_order(std::shared_ptr<Core> core) {
  co_await Core::wait(core, core->close_connection());
  core->finish_close();
}

class AmqpSession final : public Session {
 public:
  explicit AmqpSession(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  AmqpSession(const AmqpSession&) = delete;
  AmqpSession& operator=(const AmqpSession&) = delete;
  ~AmqpSession() override { core_->abandon(); }

  bool alive() const noexcept override { return core_->alive(); }
  std::string server() const override { return core_->server(); }
  std::uint16_t channel_max() const noexcept override { return core_->channel_max(); }

  // No member is a coroutine itself: what waits holds the Core, not this.
  awaitable<Result<void>> open_channel(ChannelNumber channel) override {
    return done(core_, core_->open_channel(channel));
  }
  awaitable<Result<void>> close_channel(ChannelNumber channel) override {
    return done(core_, core_->close_channel(channel));
  }
  awaitable<Result<void>> consume(ChannelNumber channel, std::string queue, std::string consumer_tag,
                                  std::uint16_t prefetch) override;
  awaitable<Result<void>> cancel(ChannelNumber channel, std::string consumer_tag) override;
  Result<void> ack(ChannelNumber channel, DeliveryTag tag, Multiple multiple) override {
    return core_->ack(channel, tag, multiple);
  }
  awaitable<Result<QueueDepth>> declare_queue(ChannelNumber channel, QueueSpec spec) override;
  awaitable<Result<QueueDepth>> queue_depth(ChannelNumber channel, std::string queue) override;
  awaitable<Result<std::uint64_t>> delete_queue(ChannelNumber channel, std::string queue) override;
  awaitable<Result<void>> declare_exchange(ChannelNumber channel, std::string exchange, std::string type) override;
  awaitable<Result<void>> delete_exchange(ChannelNumber channel, std::string exchange) override;
  awaitable<Result<void>> bind_queue(ChannelNumber channel, std::string queue, std::string exchange,
                                     std::string routing_key) override;
  void set_reading(bool reading) override { core_->set_reading(reading); }
  awaitable<Result<void>> confirm_select(ChannelNumber channel) override;
  Result<PublishNumber> publish(ChannelNumber channel, const Publication& publication) override {
    return core_->publish(channel, publication);
  }
  awaitable<void> close() override { return close_in_order(core_); }

 private:
  /// Fills a method's fields from strings the closure owns, then sends it.
  template <class Method, class Fill>
  std::shared_ptr<Rpc> call(ChannelNumber channel, amqp_method_number_t method, amqp_method_number_t reply, Fill fill) {
    return core_->submit(channel, method, reply,
                         [channel, method, fill = std::move(fill)](amqp_connection_state_t state) {
                           Method fields{};
                           fill(fields);
                           return amqp_send_method(state, channel.value, method, &fields);
                         });
  }

  const std::shared_ptr<Core> core_;
};

awaitable<Result<void>> AmqpSession::consume(ChannelNumber channel, std::string queue, std::string consumer_tag,
                                             std::uint16_t prefetch) {
  if (const auto checked = check_names({queue, consumer_tag}); !checked) return refuse(checked.error());
  // Both are queued before either is answered, so that no other consumer's qos comes between.
  auto qos = call<amqp_basic_qos_t>(channel, AMQP_BASIC_QOS_METHOD, AMQP_BASIC_QOS_OK_METHOD,
                                    [prefetch](amqp_basic_qos_t& fields) { fields.prefetch_count = prefetch; });
  auto consume = call<amqp_basic_consume_t>(
      channel, AMQP_BASIC_CONSUME_METHOD, AMQP_BASIC_CONSUME_OK_METHOD,
      [queue = std::move(queue), consumer_tag = std::move(consumer_tag)](amqp_basic_consume_t& fields) {
        fields.queue = bytes(queue);
        fields.consumer_tag = bytes(consumer_tag);
      });
  return both(core_, std::move(qos), std::move(consume));
}

awaitable<Result<void>> AmqpSession::cancel(ChannelNumber channel, std::string consumer_tag) {
  if (const auto checked = check_names({consumer_tag}); !checked) return refuse(checked.error());
  return done(core_, call<amqp_basic_cancel_t>(channel, AMQP_BASIC_CANCEL_METHOD, AMQP_BASIC_CANCEL_OK_METHOD,
                                               [tag = std::move(consumer_tag)](amqp_basic_cancel_t& fields) {
                                                 fields.consumer_tag = bytes(tag);
                                               }));
}

awaitable<Result<QueueDepth>> AmqpSession::declare_queue(ChannelNumber channel, QueueSpec spec) {
  if (const auto checked = check_names({spec.name}); !checked) return refuse_value<QueueDepth>(checked.error());
  return depth(core_, core_->submit(channel, AMQP_QUEUE_DECLARE_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD,
                                    [channel, spec = std::move(spec),
                                     version = core_->server_version()](amqp_connection_state_t state) {
                                      QueueArguments arguments(spec, version);
                                      amqp_queue_declare_t fields{};
                                      fields.queue = bytes(spec.name);
                                      fields.durable = 1;
                                      fields.arguments = arguments.table();
                                      return amqp_send_method(state, channel.value, AMQP_QUEUE_DECLARE_METHOD, &fields);
                                    }));
}

awaitable<Result<QueueDepth>> AmqpSession::queue_depth(ChannelNumber channel, std::string queue) {
  if (const auto checked = check_names({queue}); !checked) return refuse_value<QueueDepth>(checked.error());
  return depth(core_, call<amqp_queue_declare_t>(channel, AMQP_QUEUE_DECLARE_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD,
                                                 [queue = std::move(queue)](amqp_queue_declare_t& fields) {
                                                   fields.queue = bytes(queue);
                                                   fields.passive = 1;
                                                 }));
}

awaitable<Result<std::uint64_t>> AmqpSession::delete_queue(ChannelNumber channel, std::string queue) {
  if (const auto checked = check_names({queue}); !checked) return refuse_value<std::uint64_t>(checked.error());
  return messages(core_, call<amqp_queue_delete_t>(
                             channel, AMQP_QUEUE_DELETE_METHOD, AMQP_QUEUE_DELETE_OK_METHOD,
                             [queue = std::move(queue)](amqp_queue_delete_t& fields) { fields.queue = bytes(queue); }));
}

awaitable<Result<void>> AmqpSession::declare_exchange(ChannelNumber channel, std::string exchange, std::string type) {
  if (const auto checked = check_names({exchange, type}); !checked) return refuse(checked.error());
  return done(core_, call<amqp_exchange_declare_t>(
                         channel, AMQP_EXCHANGE_DECLARE_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD,
                         [exchange = std::move(exchange), type = std::move(type)](amqp_exchange_declare_t& fields) {
                           fields.exchange = bytes(exchange);
                           fields.type = bytes(type);
                           fields.durable = 1;
                         }));
}

awaitable<Result<void>> AmqpSession::delete_exchange(ChannelNumber channel, std::string exchange) {
  if (const auto checked = check_names({exchange}); !checked) return refuse(checked.error());
  return done(core_, call<amqp_exchange_delete_t>(channel, AMQP_EXCHANGE_DELETE_METHOD, AMQP_EXCHANGE_DELETE_OK_METHOD,
                                                  [exchange = std::move(exchange)](amqp_exchange_delete_t& fields) {
                                                    fields.exchange = bytes(exchange);
                                                  }));
}

awaitable<Result<void>> AmqpSession::bind_queue(ChannelNumber channel, std::string queue, std::string exchange,
                                                std::string routing_key) {
  if (const auto checked = check_names({queue, exchange, routing_key}); !checked) return refuse(checked.error());
  return done(core_, call<amqp_queue_bind_t>(channel, AMQP_QUEUE_BIND_METHOD, AMQP_QUEUE_BIND_OK_METHOD,
                                             [queue = std::move(queue), exchange = std::move(exchange),
                                              key = std::move(routing_key)](amqp_queue_bind_t& fields) {
                                               fields.queue = bytes(queue);
                                               fields.exchange = bytes(exchange);
                                               fields.routing_key = bytes(key);
                                             }));
}

awaitable<Result<void>> AmqpSession::confirm_select(ChannelNumber channel) {
  return done(core_, call<amqp_confirm_select_t>(channel, AMQP_CONFIRM_SELECT_METHOD, AMQP_CONFIRM_SELECT_OK_METHOD,
                                                 [](amqp_confirm_select_t&) {}));
}

}  // namespace

Result<std::unique_ptr<Session>> connect(asio::io_context& io, const ConnectOptions& options, SessionHandler& handler,
                                         const std::shared_ptr<Interruption>& interruption, Turn& turn) {
  auto connection = Connection::open(options, interruption, turn);
  if (!connection) return connection.error();
  auto core = std::make_shared<Core>(io, std::move(*connection), options, handler);
  std::unique_ptr<Session> session = std::make_unique<AmqpSession>(core);
  if (const auto started = core->start(); !started) return started.error();
  return session;
}

}  // namespace amqp

Result<std::unique_ptr<Session>> connect(asio::io_context& io, const ConnectOptions& options, SessionHandler& handler) {
  amqp::Turn turn;
  return amqp::connect(io, options, handler, std::make_shared<amqp::Interruption>(), turn);
}

}  // namespace mtmsg::broker
