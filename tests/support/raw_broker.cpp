#include "support/raw_broker.hpp"

#include <stdexcept>

#include "broker/amqp/api.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

/// As many as the daemon puts on one connection.
constexpr std::size_t kChannels = 2000;

}  // namespace

class RawConnection {
 public:
  RawConnection() : state_(amqp_new_connection()) {
    auto url = broker_url();
    amqp_connection_info info{};
    if (amqp_parse_url(url.data(), &info) != AMQP_STATUS_OK) throw std::runtime_error("not an AMQP URL");
    auto* socket = amqp_tcp_socket_new(state_);
    if (amqp_socket_open(socket, info.host, info.port) != AMQP_STATUS_OK) {
      throw std::runtime_error("no connection to RabbitMQ");
    }
    // Nothing after the last slash is the default one (broker/amqp/endpoint.hpp).
    const char* vhost = *info.vhost == '\0' ? "/" : info.vhost;
    check(amqp_login(state_, vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password));
  }
  ~RawConnection() {
    amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(state_);
  }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void open_channel(amqp_channel_t channel) {
    amqp_channel_open(state_, channel);
    check(amqp_get_rpc_reply(state_));
  }
  void consume(amqp_channel_t channel, const std::string& queue, std::uint16_t prefetch, bool exclusive) {
    amqp_basic_qos(state_, channel, 0, prefetch, 0);
    check(amqp_get_rpc_reply(state_));
    amqp_basic_consume(state_, channel, amqp_cstring_bytes(queue.c_str()), amqp_empty_bytes, 0, 0, exclusive,
                       amqp_empty_table);
    check(amqp_get_rpc_reply(state_));
    amqp_maybe_release_buffers_on_channel(state_, channel);
  }
  void delete_queue(amqp_channel_t channel, const std::string& name) {
    amqp_queue_delete(state_, channel, amqp_cstring_bytes(name.c_str()), 0, 0);
    check(amqp_get_rpc_reply(state_));
  }
  void delete_exchange(amqp_channel_t channel, const std::string& name) {
    amqp_exchange_delete(state_, channel, amqp_cstring_bytes(name.c_str()), 0);
    check(amqp_get_rpc_reply(state_));
  }

 private:
  static void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw std::runtime_error("RabbitMQ refused: " + reason(reply));
  }
  static std::string reason(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
      return std::string(broker::amqp::view(static_cast<const amqp_channel_close_t*>(reply.reply.decoded)->reply_text));
    }
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
      return std::string(
          broker::amqp::view(static_cast<const amqp_connection_close_t*>(reply.reply.decoded)->reply_text));
    }
    return "no answer";
  }

  amqp_connection_state_t state_;
};

RawConsumers::RawConsumers(const std::vector<std::string>& queues, std::uint16_t prefetch, Share share) {
  for (std::size_t i = 0; i < queues.size(); ++i) {
    if (i % kChannels == 0) connections_.push_back(std::make_unique<RawConnection>());
    const auto channel = static_cast<amqp_channel_t>(i % kChannels + 1);
    connections_.back()->open_channel(channel);
    connections_.back()->consume(channel, queues[i], prefetch, share == Share::exclusive);
  }
}

RawConsumers::~RawConsumers() = default;

void delete_from_broker(const std::string& queue, const std::string& exchange) {
  RawConnection connection;
  connection.open_channel(1);
  connection.delete_exchange(1, exchange);
  connection.delete_queue(1, queue);
}

}  // namespace mtmsg::test
