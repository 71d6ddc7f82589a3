#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker/amqp/channel.hpp"
#include "broker/amqp/connection.hpp"
#include "broker/amqp/frame_reader.hpp"
#include "broker/session.hpp"

namespace mtmsg::broker::amqp {

/// The connection's life behind AmqpSession: reads frames, sorts them out, answers waiting coroutines. Shared by the
/// session, its coroutines and its waits on socket and timer, so that it outlives whoever still looks at it.
/// Link thread only.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& io, Connection connection, const ConnectOptions& options, SessionHandler& handler);
  /// Not in the constructor: waits keep a shared_ptr.
  Result<void> start();
  /// The owner is gone: no callback from now on.
  void abandon() noexcept;

  const std::string& server() const noexcept { return connection_.name(); }
  bool alive() const noexcept { return !dead_ && !closing_; }
  std::uint16_t channel_max() const noexcept { return connection_.channel_max(); }
  unsigned server_version() const noexcept { return connection_.server_version(); }

  /// Queues the method on its channel and sends it when it is its turn. Never null; it may be answered already.
  std::shared_ptr<Rpc> submit(ChannelNumber number, amqp_method_number_t method, amqp_method_number_t reply,
                              Rpc::Send send);
  /// Waits for an rpc's outcome; a reply that takes longer than the limit is the connection's end.
  static asio::awaitable<Result<Reply>> wait(std::shared_ptr<Core> self, std::shared_ptr<Rpc> rpc);

  std::shared_ptr<Rpc> open_channel(ChannelNumber number);
  std::shared_ptr<Rpc> close_channel(ChannelNumber number);
  std::shared_ptr<Rpc> close_connection();
  /// After close_connection: lets go of the socket, without on_closed.
  void finish_close();
  void set_reading(bool reading);
  Result<void> ack(ChannelNumber number, DeliveryTag tag, Multiple multiple);
  Result<PublishNumber> publish(ChannelNumber number, const Publication& publication);

 private:
  // The pump (core.cpp).
  void wait_readable();
  void post_pump();
  void pump();
  void arm_heartbeat();
  void heartbeat();
  void fail(Error why);
  void fail_status(int status, std::string_view doing);
  void end(const Error& why);

  // Frames (frames.cpp).
  void dispatch(const amqp_frame_t& frame);
  void on_method(ChannelNumber number, const amqp_method_t& method);
  void on_connection_method(const amqp_method_t& method);
  void on_channel_close(ChannelNumber number, const amqp_channel_close_t& close);
  void on_header(ChannelNumber number, const amqp_frame_t& frame);
  void on_body(ChannelNumber number, std::string_view fragment);
  Origin origin_of(const Assembly& assembly) const noexcept;
  void begin_large(Assembly& assembly);
  void complete(ChannelNumber number, Channel& channel, std::string_view body);
  void deliver(ChannelNumber number, const Assembly& assembly, std::string_view body);
  void on_confirms(ChannelNumber number, std::uint64_t tag, bool multiple, bool ack);
  void on_reply(ChannelNumber number, const amqp_method_t& method);
  void release(ChannelNumber number);

  // Calls (calls.cpp).
  Channel* channel(ChannelNumber number) noexcept;
  Channel& make_channel(ChannelNumber number);
  void send_front(Channel& channel);
  void answer(Channel& channel, Result<Reply> outcome);
  static void settle(Rpc& rpc, Result<Reply> outcome);
  std::shared_ptr<Rpc> refused(Error why);
  std::shared_ptr<Rpc> enqueue(Channel& channel, amqp_method_number_t method, amqp_method_number_t reply,
                               Rpc::Send send);
  Error away() const;

  // Constant after construction.
  asio::io_context& io_;
  Connection connection_;
  FrameReader reader_;  // link thread
  const std::chrono::milliseconds rpc_timeout_;
  const std::string dead_letter_exchange_;
  const std::thread::id owner_ = std::this_thread::get_id();

  SessionHandler* handler_;  // null once the owner is gone
  asio::posix::stream_descriptor readable_;
  asio::steady_timer heartbeat_timer_;
  bool waiting_ = false;  // for the socket
  bool posted_ = false;   // a pump is
  bool reading_ = true;
  bool closing_ = false;  // connection.close is sent
  bool dead_ = false;
  Error why_dead_;

  Channel control_;                                 // channel 0
  std::vector<std::unique_ptr<Channel>> channels_;  // by number

  std::size_t deliveries_in_burst_ = 0;
  std::string headers_;               // reused, so that an ordinary delivery allocates nothing
  std::unique_ptr<LargeBody> spare_;  // likewise, for one whose body comes in several frames
};

}  // namespace mtmsg::broker::amqp
