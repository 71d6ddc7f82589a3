/// What Core does with each frame. AMQP 0-9-1, 2.3.5 (frames) and 4.2.6 (content).
#include <functional>

#include "broker/amqp/core.hpp"

namespace mtmsg::broker::amqp {
namespace {

/// Header and end byte of a frame; what is left of kFrameMax is content.
constexpr std::uint64_t kFrameOverhead = 8;
/// A body as large as the configured maximum comes often; one far beyond it should not keep its memory.
constexpr std::size_t kKeptBody = 4 << 20;

template <class Method>
const Method& decoded(const amqp_method_t& method) noexcept {
  return *static_cast<const Method*>(method.decoded);
}

/// AMQP reply codes (1.1 constants) of a closed channel, as the answer to the method the broker closed it over.
ErrorCode code_of_close(std::uint16_t reply_code) noexcept {
  switch (reply_code) {
    case AMQP_NOT_FOUND:
      return ErrorCode::not_found;
    case AMQP_PRECONDITION_FAILED:
      return ErrorCode::conflict;
    default:
      return ErrorCode::broker_rejected;
  }
}

bool is_about(const amqp_channel_close_t& close, amqp_method_number_t method) noexcept {
  const auto culprit = (amqp_method_number_t{close.class_id} << 16) | close.method_id;
  return culprit == 0 || culprit == method;
}

}  // namespace

void Core::dispatch(const amqp_frame_t& frame) {
  const ChannelNumber number{frame.channel};
  switch (frame.frame_type) {
    case AMQP_FRAME_METHOD:
      if (number.value == 0) {
        on_connection_method(frame.payload.method);
      } else {
        on_method(number, frame.payload.method);
      }
      return;
    case AMQP_FRAME_HEADER:
      return on_header(number, frame);
    case AMQP_FRAME_BODY:
      return on_body(number, view(frame.payload.body_fragment));
    default:
      return release(number);
  }
}

void Core::on_connection_method(const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto& close = decoded<amqp_connection_close_t>(method);
      Error why{ErrorCode::broker_unavailable, "the broker at " + connection_.name() +
                                                   " closed the connection: " + std::string(view(close.reply_text))};
      amqp_connection_close_ok_t ok{};
      amqp_send_method(connection_.get(), 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
      return fail(std::move(why));
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      if (handler_ != nullptr) handler_->on_blocked(true, view(decoded<amqp_connection_blocked_t>(method).reason));
      break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      if (handler_ != nullptr) handler_->on_blocked(false, {});
      break;
    default:
      on_reply(ChannelNumber{0}, method);
  }
  release(ChannelNumber{0});
}

void Core::on_method(ChannelNumber number, const amqp_method_t& method) {
  Channel* const at = channel(number);
  // AMQP 1.4.2.8 and 1.5.2.5: what crosses our close is discarded.
  const bool listens = at != nullptr && !closing_ && at->state == Channel::State::open;
  switch (method.id) {
    case AMQP_BASIC_DELIVER_METHOD:
      if (!listens) break;
      at->assembly.kind = Assembly::Kind::delivery;
      at->assembly.tag = DeliveryTag{decoded<amqp_basic_deliver_t>(method).delivery_tag};
      at->assembly.redelivered = decoded<amqp_basic_deliver_t>(method).redelivered != 0;
      at->assembly.exchange = view(decoded<amqp_basic_deliver_t>(method).exchange);
      at->assembly.routing_key = view(decoded<amqp_basic_deliver_t>(method).routing_key);
      return;
    case AMQP_BASIC_RETURN_METHOD: {
      if (!listens) break;
      const auto& returned = decoded<amqp_basic_return_t>(method);
      at->assembly.kind = Assembly::Kind::returned;
      at->assembly.returned_to = address_of(view(returned.exchange), view(returned.routing_key));
      return;
    }
    case AMQP_BASIC_ACK_METHOD: {
      const auto& ack = decoded<amqp_basic_ack_t>(method);
      if (listens) on_confirms(number, ack.delivery_tag, ack.multiple != 0, true);
      break;
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto& nack = decoded<amqp_basic_nack_t>(method);
      if (listens) on_confirms(number, nack.delivery_tag, nack.multiple != 0, false);
      break;
    }
    case AMQP_BASIC_CANCEL_METHOD:
      if (listens && handler_ != nullptr) {
        handler_->on_consumer_cancelled(number, view(decoded<amqp_basic_cancel_t>(method).consumer_tag));
      }
      break;
    case AMQP_CHANNEL_CLOSE_METHOD:
      on_channel_close(number, decoded<amqp_channel_close_t>(method));
      break;
    default:
      if (!closing_) on_reply(number, method);
  }
  release(number);
}

void Core::on_channel_close(ChannelNumber number, const amqp_channel_close_t& close) {
  Channel* const at = channel(number);
  if (at == nullptr || closing_) return;
  amqp_channel_close_ok_t ok{};
  const int status = amqp_send_method(connection_.get(), number.value, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
  const bool ours_crossed = at->state == Channel::State::closing;
  const Error why{ErrorCode::broker_rejected, std::string(view(close.reply_text))};
  at->state = Channel::State::closed;
  at->assembly = {};
  at->confirms.reset();

  bool front = true;
  for (const auto& rpc : std::exchange(at->rpcs, {})) {
    if (rpc->method == AMQP_CHANNEL_CLOSE_METHOD) {
      settle(*rpc, Reply{});
    } else if (front && is_about(close, rpc->method)) {
      settle(*rpc, Error{code_of_close(close.reply_code), why.message});
    } else {
      settle(*rpc, why);
    }
    front = false;
  }
  if (status != AMQP_STATUS_OK) return fail_status(status, "closing a channel");
  if (!ours_crossed && handler_ != nullptr) handler_->on_channel_closed(number, why);
}

void Core::on_header(ChannelNumber number, const amqp_frame_t& frame) {
  Channel* const at = channel(number);
  if (at == nullptr || closing_ || at->assembly.kind == Assembly::Kind::none) return release(number);
  auto& assembly = at->assembly;
  assembly.properties = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
  assembly.size = frame.payload.properties.body_size;
  assembly.seen = 0;
  if (assembly.size == 0) return complete(number, *at, {});
  if (assembly.size <= kFrameMax - kFrameOverhead) return;
  begin_large(assembly);
  release(number);
}

void Core::on_body(ChannelNumber number, std::string_view fragment) {
  Channel* const at = channel(number);
  if (at == nullptr || closing_ || at->assembly.kind == Assembly::Kind::none) return release(number);
  auto& assembly = at->assembly;
  if ((assembly.properties == nullptr && !assembly.large) || fragment.size() > assembly.size - assembly.seen) {
    return fail({ErrorCode::broker_unavailable, "the broker at " + connection_.name() + " sent a body out of order"});
  }
  if (assembly.seen == 0 && fragment.size() == assembly.size) return complete(number, *at, fragment);
  if (!assembly.large) begin_large(assembly);
  if (assembly.kind == Assembly::Kind::delivery) assembly.large->bytes.append(fragment);
  assembly.seen += fragment.size();
  if (assembly.seen == assembly.size) return complete(number, *at, assembly.large->bytes);
  release(number);
}

Origin Core::origin_of(const Assembly& assembly) const noexcept {
  if (!dead_letter_exchange_.empty() && assembly.exchange == dead_letter_exchange_) return Origin::dead_letter;
  return assembly.redelivered ? Origin::redelivery : Origin::first_delivery;
}

void Core::begin_large(Assembly& assembly) {
  assembly.large = spare_ ? std::move(spare_) : std::make_unique<LargeBody>();
  auto& large = *assembly.large;
  large.bytes.clear();
  large.properties = render_headers(*assembly.properties, origin_of(assembly), large.headers);
  large.message_id = large.properties.message_id.value_or(std::string_view());
  if (large.properties.message_id) large.properties.message_id = large.message_id;
  assembly.exchange = large.exchange = assembly.exchange;
  assembly.routing_key = large.routing_key = assembly.routing_key;
  assembly.properties = nullptr;
}

void Core::complete(ChannelNumber number, Channel& at, std::string_view body) {
  // Taken out first: the handler may close the channel or the session.
  Assembly assembly = std::exchange(at.assembly, {});
  if (assembly.kind == Assembly::Kind::delivery) {
    deliver(number, assembly, body);
  } else if (at.confirms) {
    const auto id = assembly.large ? std::string_view(assembly.large->message_id)
                    : (assembly.properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0
                        ? view(assembly.properties->message_id)
                        : std::string_view();
    at.confirms->returned(address_of(assembly.returned_to, id));
  }
  if (assembly.large && assembly.large->bytes.capacity() <= kKeptBody) spare_ = std::move(assembly.large);
  release(number);
}

void Core::deliver(ChannelNumber number, const Assembly& assembly, std::string_view body) {
  if (handler_ == nullptr) return;
  const auto properties =
      assembly.large ? assembly.large->properties : render_headers(*assembly.properties, origin_of(assembly), headers_);
  Delivery delivery;
  delivery.channel = number;
  delivery.tag = assembly.tag;
  delivery.redelivered = assembly.redelivered;
  delivery.delivery_count = properties.delivery_count;
  delivery.exchange = assembly.exchange;
  delivery.routing_key = assembly.routing_key;
  delivery.death = properties.death ? &*properties.death : nullptr;
  delivery.body = body;
  delivery.message_id = properties.message_id;
  delivery.timestamp = properties.timestamp;
  delivery.headers_json = assembly.large ? assembly.large->headers : headers_;
  ++deliveries_in_burst_;
  handler_->on_delivery(delivery);
}

void Core::on_confirms(ChannelNumber number, std::uint64_t tag, bool multiple, bool ack) {
  Channel* const at = channel(number);
  if (!at->confirms) return;
  static const Result<void> stored;
  static const Result<void> unroutable(Error{ErrorCode::not_found, "no queue is bound to take the message"});
  static const Result<void> refused(
      Error{ErrorCode::broker_rejected, "the broker refused the message: its queue is full or cannot store it now"});
  // The handler may end the session meanwhile; the ledger lives in a channel that lives as long as this Core.
  at->confirms->settle(tag, multiple, [&](std::uint64_t publication, bool returned) {
    if (handler_ == nullptr) return;
    handler_->on_confirm(number, PublishNumber{publication}, !ack ? refused : returned ? unroutable : stored);
  });
}

void Core::on_reply(ChannelNumber number, const amqp_method_t& method) {
  Channel* const at = channel(number);
  // A close-ok nobody waits for: both sides closed the channel at once.
  const bool stray = at == nullptr || at->rpcs.empty() || at->rpcs.front()->reply != method.id;
  if (stray && method.id == AMQP_CHANNEL_CLOSE_OK_METHOD) return;
  if (stray) {
    return fail(
        {ErrorCode::broker_unavailable, "the broker at " + connection_.name() + " sent a reply nobody asked for"});
  }
  Reply reply;
  switch (method.id) {
    case AMQP_CHANNEL_OPEN_OK_METHOD:
      at->state = Channel::State::open;
      break;
    case AMQP_CHANNEL_CLOSE_OK_METHOD:
      at->state = Channel::State::closed;
      at->assembly = {};
      at->confirms.reset();
      break;
    case AMQP_CONFIRM_SELECT_OK_METHOD:
      if (!at->confirms) at->confirms.emplace();
      break;
    case AMQP_QUEUE_DECLARE_OK_METHOD:
      reply.messages = decoded<amqp_queue_declare_ok_t>(method).message_count;
      reply.consumers = decoded<amqp_queue_declare_ok_t>(method).consumer_count;
      break;
    case AMQP_QUEUE_DELETE_OK_METHOD:
      reply.messages = decoded<amqp_queue_delete_ok_t>(method).message_count;
      break;
    default:
      break;
  }
  answer(*at, reply);
}

void Core::release(ChannelNumber number) {
  // It walks the frames that are queued inside the library: none, since nothing after the login lets it read.
  amqp_maybe_release_buffers_on_channel(connection_.get(), number.value);
}

}  // namespace mtmsg::broker::amqp
