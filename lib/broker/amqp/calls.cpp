/// What Core sends, and who waits for the answers.
#include <cassert>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/amqp/core.hpp"

namespace mtmsg::broker::amqp {
namespace {

constexpr std::size_t kShortString = 255;  // AMQP 4.2.5.3
/// Left in the header frame for the properties beside the headers table.
constexpr std::size_t kPropertyRoom = 4096;
constexpr std::size_t kFieldOverhead = 8;  // lengths and type of one entry of a table

bool fits_frame(const Publication& publication) noexcept {
  std::size_t size = 0;
  for (const auto& [key, value] : publication.headers) {
    if (key.size() > 128) return false;
    size += key.size() + value.size() + kFieldOverhead;
  }
  return size <= kFrameMax - kPropertyRoom;
}

bool fits_short_strings(const Publication& publication) noexcept {
  return publication.exchange.size() <= kShortString && publication.routing_key.size() <= kShortString &&
         publication.message_id.size() <= kShortString && publication.content_type.size() <= kShortString;
}

std::vector<amqp_table_entry_t> header_entries(const Publication& publication) {
  std::vector<amqp_table_entry_t> entries;
  entries.reserve(publication.headers.size());
  for (const auto& [key, value] : publication.headers) {
    amqp_table_entry_t entry{};
    entry.key = bytes(key);
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = bytes(value);
    entries.push_back(entry);
  }
  return entries;
}

/// `entries` must live as long as the result.
amqp_basic_properties_t properties_of(const Publication& publication, std::vector<amqp_table_entry_t>& entries) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  if (!publication.content_type.empty()) {
    properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties.content_type = bytes(publication.content_type);
  }
  if (!publication.message_id.empty()) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = bytes(publication.message_id);
  }
  if (publication.timestamp && publication.timestamp->time_since_epoch().count() >= 0) {
    properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    properties.timestamp = static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::seconds>(*publication.timestamp).time_since_epoch().count());
  }
  if (!entries.empty()) {
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers.num_entries = static_cast<int>(entries.size());
    properties.headers.entries = entries.data();
  }
  return properties;
}

Error not_open(ChannelNumber number) {
  return {ErrorCode::broker_rejected, "channel " + std::to_string(number.value) + " is not open"};
}

}  // namespace

Error Core::away() const {
  return dead_ ? why_dead_ : Error{ErrorCode::broker_unavailable, "the connection to the broker is closing"};
}

Channel* Core::channel(ChannelNumber number) noexcept {
  if (number.value == 0) return &control_;
  return number.value < channels_.size() ? channels_[number.value].get() : nullptr;
}

Channel& Core::make_channel(ChannelNumber number) {
  auto& slot = channels_[number.value];
  if (!slot) slot = std::make_unique<Channel>();
  return *slot;
}

void Core::settle(Rpc& rpc, Result<Reply> outcome) {
  rpc.outcome = std::move(outcome);
  rpc.send = nullptr;
  rpc.event.cancel();
}

std::shared_ptr<Rpc> Core::refused(Error why) {
  auto rpc = std::make_shared<Rpc>(io_.get_executor(), 0, 0, nullptr);
  rpc->outcome = std::move(why);
  return rpc;
}

std::shared_ptr<Rpc> Core::enqueue(Channel& at, amqp_method_number_t method, amqp_method_number_t reply,
                                   Rpc::Send send) {
  auto rpc = std::make_shared<Rpc>(io_.get_executor(), method, reply, std::move(send));
  at.rpcs.push_back(rpc);
  if (at.rpcs.size() == 1) send_front(at);
  return rpc;
}

void Core::send_front(Channel& at) {
  const auto rpc = at.rpcs.front();
  rpc->event.expires_after(rpc_timeout_);
  const int status = rpc->send(connection_.get());
  if (status != AMQP_STATUS_OK) fail_status(status, "sending");
}

void Core::answer(Channel& at, Result<Reply> outcome) {
  const auto rpc = std::move(at.rpcs.front());
  at.rpcs.pop_front();
  settle(*rpc, std::move(outcome));
  if (!at.rpcs.empty()) send_front(at);
}

std::shared_ptr<Rpc> Core::submit(ChannelNumber number, amqp_method_number_t method, amqp_method_number_t reply,
                                  Rpc::Send send) {
  assert(std::this_thread::get_id() == owner_);
  if (!alive()) return refused(away());
  Channel* const at = number.value == 0 ? nullptr : channel(number);
  if (at == nullptr || at->state != Channel::State::open) return refused(not_open(number));
  return enqueue(*at, method, reply, std::move(send));
}

asio::awaitable<Result<Reply>> Core::wait(std::shared_ptr<Core> self, std::shared_ptr<Rpc> rpc) {
  while (!rpc->outcome) {
    const auto [error] = co_await rpc->event.async_wait(asio::as_tuple(asio::use_awaitable));
    // Not an error: the limit. An abort: answered, or just sent after waiting behind another.
    if (error || rpc->outcome) continue;
    if (!self->reading_) {
      rpc->event.expires_after(self->rpc_timeout_);  // the answer may be in the socket
      continue;
    }
    self->fail({ErrorCode::broker_unavailable, "the broker at " + self->connection_.name() + " did not answer within " +
                                                   std::to_string(self->rpc_timeout_.count()) + " ms"});
    if (!rpc->outcome) rpc->outcome = self->away();
  }
  co_return *rpc->outcome;
}

std::shared_ptr<Rpc> Core::open_channel(ChannelNumber number) {
  assert(std::this_thread::get_id() == owner_);
  if (!alive()) return refused(away());
  if (number.value == 0 || number.value >= channels_.size()) {
    return refused({ErrorCode::invalid_argument, "channel numbers are 1 to " + std::to_string(channel_max())});
  }
  Channel& at = make_channel(number);
  if (at.state != Channel::State::closed) {
    return refused({ErrorCode::conflict, "channel " + std::to_string(number.value) + " is in use"});
  }
  at.state = Channel::State::opening;
  return enqueue(at, AMQP_CHANNEL_OPEN_METHOD, AMQP_CHANNEL_OPEN_OK_METHOD, [number](amqp_connection_state_t state) {
    amqp_channel_open_t open{};
    return amqp_send_method(state, number.value, AMQP_CHANNEL_OPEN_METHOD, &open);
  });
}

std::shared_ptr<Rpc> Core::close_channel(ChannelNumber number) {
  auto rpc = submit(number, AMQP_CHANNEL_CLOSE_METHOD, AMQP_CHANNEL_CLOSE_OK_METHOD,
                    [this, number](amqp_connection_state_t state) {
                      channel(number)->state = Channel::State::closing;
                      amqp_channel_close_t close{};
                      close.reply_code = AMQP_REPLY_SUCCESS;
                      return amqp_send_method(state, number.value, AMQP_CHANNEL_CLOSE_METHOD, &close);
                    });
  return rpc;
}

std::shared_ptr<Rpc> Core::close_connection() {
  assert(std::this_thread::get_id() == owner_);
  if (!alive()) return refused(away());
  closing_ = true;
  set_reading(true);  // close-ok is in the socket; deliveries are thrown away from here on
  return enqueue(control_, AMQP_CONNECTION_CLOSE_METHOD, AMQP_CONNECTION_CLOSE_OK_METHOD,
                 [](amqp_connection_state_t state) {
                   amqp_connection_close_t close{};
                   close.reply_code = AMQP_REPLY_SUCCESS;
                   return amqp_send_method(state, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
                 });
}

void Core::finish_close() {
  if (!dead_) end(away());
}

Result<void> Core::ack(ChannelNumber number, DeliveryTag tag, Multiple multiple) {
  assert(std::this_thread::get_id() == owner_);
  if (!alive()) return away();
  Channel* const at = channel(number);
  if (number.value == 0 || at == nullptr || at->state != Channel::State::open) {
    return Error{ErrorCode::broker_unavailable, not_open(number).message};
  }
  const int status = amqp_basic_ack(connection_.get(), number.value, tag.value, multiple == Multiple::yes ? 1 : 0);
  if (status == AMQP_STATUS_OK) return {};
  fail_status(status, "acknowledging");
  return away();
}

Result<PublishNumber> Core::publish(ChannelNumber number, const Publication& publication) {
  assert(std::this_thread::get_id() == owner_);
  if (!alive()) return away();
  Channel* const at = channel(number);
  if (number.value == 0 || at == nullptr || at->state != Channel::State::open) return not_open(number);
  if (!at->confirms) {
    return Error{ErrorCode::broker_rejected, "channel " + std::to_string(number.value) + " has no confirms"};
  }
  if (!fits_short_strings(publication) || !fits_frame(publication)) {
    return Error{ErrorCode::invalid_argument,
                 "exchange, routing key, message id or headers are longer than AMQP holds"};
  }
  auto entries = header_entries(publication);
  const auto properties = properties_of(publication, entries);
  const auto address = address_of(address_of(publication.exchange, publication.routing_key), publication.message_id);
  const PublishNumber published{at->confirms->add(address)};
  const int status = amqp_basic_publish(connection_.get(), number.value, bytes(publication.exchange),
                                        bytes(publication.routing_key), 1, 0, &properties, bytes(publication.body));
  if (status != AMQP_STATUS_OK) {
    fail_status(status, "publishing");
    return away();
  }
  return published;
}

}  // namespace mtmsg::broker::amqp
