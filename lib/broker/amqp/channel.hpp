#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "broker/amqp/api.hpp"
#include "broker/amqp/confirms.hpp"
#include "broker/amqp/headers.hpp"
#include "broker/session.hpp"

namespace mtmsg::broker::amqp {

/// What the callers want to know of a reply; the reply itself lives no longer than its frame.
struct Reply {
  std::uint32_t messages = 0;
  std::uint32_t consumers = 0;
};

/// A method that the broker answers. Owned by the waiting coroutine and by its channel: either may go first.
struct Rpc {
  /// Returns what amqp_send_method returned.
  using Send = std::function<int(amqp_connection_state_t)>;

  Rpc(const asio::any_io_executor& executor, amqp_method_number_t ask, amqp_method_number_t answer, Send how)
      : method(ask), reply(answer), send(std::move(how)), event(executor, asio::steady_timer::time_point::max()) {}

  const amqp_method_number_t method;
  const amqp_method_number_t reply;
  Send send;
  std::optional<Result<Reply>> outcome;
  /// Wakes the coroutine: at the time limit, and, by being cancelled, on every change.
  asio::steady_timer event;
};

/// A body of several frames is collected here together with what its properties said, so that the library's buffers
/// can go after each frame and never hold more than one.
struct LargeBody {
  std::string bytes;
  std::string headers;
  std::string message_id;
  std::string exchange;
  std::string routing_key;
  Properties properties;  ///< message_id points into the string above
};

/// The delivery (or the returned publication) whose frames are arriving.
struct Assembly {
  enum class Kind { none, delivery, returned } kind = Kind::none;
  DeliveryTag tag;
  bool redelivered = false;
  std::string_view exchange;                            ///< in the library's buffers, then in `large`
  std::string_view routing_key;                         ///< likewise
  std::uint64_t returned_to = 0;                        ///< exchange and routing key of a returned publication, hashed
  std::uint64_t size = 0;                               ///< bytes the body will have
  std::uint64_t seen = 0;                               ///< bytes of it that came
  const amqp_basic_properties_t* properties = nullptr;  ///< in the library's buffers; null before the header frame
  std::unique_ptr<LargeBody> large;
};

struct Channel {
  enum class State { closed, opening, open, closing } state = State::closed;
  /// The front one is sent, the others wait for its reply: AMQP answers a channel's methods in order, but a channel
  /// the broker closes answers none of those behind.
  std::deque<std::shared_ptr<Rpc>> rpcs;
  Assembly assembly;
  std::optional<Confirms> confirms;
};

}  // namespace mtmsg::broker::amqp
