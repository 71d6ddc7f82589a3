#include "broker/amqp/connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <sys/time.h>

namespace mtmsg::broker::amqp {
namespace {

using Clock = std::chrono::steady_clock;

/// What each of several servers gets of the time to connect in any case: enough for a slow network and a busy broker.
constexpr std::chrono::milliseconds kFairShare{2000};

timeval to_timeval(Clock::duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  timeval out{};
  out.tv_sec = us / 1'000'000;
  out.tv_usec = us % 1'000'000;
  return out;
}

amqp_table_entry_t text_entry(const char* key, std::string_view value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes(value);
  return entry;
}

amqp_table_entry_t capability(const char* key) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

/// connection.start-ok with what we are called and what we understand.
amqp_rpc_reply_t log_in(amqp_connection_state_t state, const Endpoint& endpoint, const ConnectOptions& options) {
  std::array capabilities{capability("consumer_cancel_notify"), capability("connection.blocked"),
                          capability("publisher_confirms"), capability("basic.nack"),
                          capability("authentication_failure_close")};
  amqp_table_entry_t nested{};
  nested.key = amqp_cstring_bytes("capabilities");
  nested.value.kind = AMQP_FIELD_KIND_TABLE;
  nested.value.value.table.num_entries = static_cast<int>(capabilities.size());
  nested.value.value.table.entries = capabilities.data();

  std::array entries{text_entry("product", "mtmsg"), text_entry("connection_name", options.connection_name), nested};
  amqp_table_t properties;
  properties.num_entries = static_cast<int>(entries.size());
  properties.entries = entries.data();
  return amqp_login_with_properties(state, endpoint.vhost.c_str(), kChannelMax, kFrameMax,
                                    static_cast<int>(options.heartbeat.count()), &properties, AMQP_SASL_METHOD_PLAIN,
                                    endpoint.user.c_str(), endpoint.password.c_str());
}

std::string describe(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    return std::string(view(static_cast<const amqp_connection_close_t*>(reply.reply.decoded)->reply_text));
  }
  return "the broker ended the handshake";
}

Result<Tunnel::Opened> open_tunnel(const Endpoint& endpoint, const ConnectOptions& options, UniqueFd fd,
                                   Clock::time_point deadline) {
  const auto context = tls::Context::client(options.tls);
  if (context.has_error()) return fail(ErrorCode::broker_unavailable, "TLS: " + context.error().message);
  return Tunnel::open(std::move(fd), **context, endpoint.host, deadline);
}

/// "3.10.8" → 3
unsigned major_version(amqp_connection_state_t state) noexcept {
  const auto* properties = amqp_get_server_properties(state);
  std::string_view text;
  for (int i = 0; properties != nullptr && i < properties->num_entries; ++i) {
    const auto& [key, value] = properties->entries[i];
    if (view(key) == "version" && value.kind == AMQP_FIELD_KIND_UTF8) text = view(value.value.bytes);
  }
  unsigned number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Connection::Connection(std::unique_ptr<Tunnel> tunnel, State state, std::string name,
                       std::shared_ptr<Interruption> interruption, std::uint64_t attachment,
                       std::chrono::seconds heartbeat)
    : tunnel_(std::move(tunnel)),
      state_(std::move(state)),
      name_(std::move(name)),
      interruption_(std::move(interruption)),
      attachment_(attachment),
      channel_max_(static_cast<std::uint16_t>(amqp_get_channel_max(state_.get()))),
      heartbeat_(heartbeat),
      server_version_(major_version(state_.get())) {}

Connection::~Connection() {
  if (state_) interruption_->detach(attachment_);
}

Result<Connection> Connection::open(const ConnectOptions& options, const std::shared_ptr<Interruption>& interruption,
                                    Turn& turn) {
  const auto endpoints = parse_url(options.url);
  if (!endpoints) return endpoints.error();
  const auto count = endpoints->size();
  const auto fair_share = std::min(options.connect_timeout, kFairShare);
  const auto deadline = Clock::now() + std::max(options.connect_timeout, fair_share * static_cast<int>(count));

  std::vector<std::string> reasons(count);  // in the URL's order: who watches for changes sees none in a new turn
  for (std::size_t nth = 0; nth < count; ++nth) {
    const auto index = turn.first(count);
    const auto now = Clock::now();
    const auto share = (deadline - now) / static_cast<int>(count - nth);
    auto connection = open_one((*endpoints)[index], options, now + share, interruption);
    turn.tried(index);
    if (connection || count == 1) return connection;
    reasons[index] = connection.error().message;
    if (interruption->interrupted()) break;
  }
  std::string why;
  for (const auto& reason : reasons) {
    if (!reason.empty()) why += (why.empty() ? "" : "; ") + reason;
  }
  return fail(ErrorCode::broker_unavailable, why);
}

Result<Connection> Connection::open_one(const Endpoint& endpoint, const ConnectOptions& options,
                                        Clock::time_point deadline, std::shared_ptr<Interruption> interruption) {
  // Unacknowledged writes end when a silent peer is given up anyway.
  const auto send_limit = options.heartbeat.count() > 0 ? 2 * std::chrono::milliseconds(options.heartbeat)
                                                        : std::chrono::milliseconds(options.rpc_timeout);
  std::unique_ptr<Tunnel> tunnel;  // goes after state, as in a Connection
  State state(amqp_new_connection());
  amqp_socket_t* socket = state ? amqp_tcp_socket_new(state.get()) : nullptr;
  if (socket == nullptr) return fail(ErrorCode::internal, "out of memory for an AMQP connection");
  auto dialled = dial(endpoint, deadline, send_limit, *interruption);
  if (!dialled) return dialled.error();
  if (endpoint.tls) {
    auto opened = open_tunnel(endpoint, options, std::move(dialled->fd), deadline);
    if (!opened) {
      interruption->detach(dialled->attachment);
      return Error(opened.error()).with_context("cannot connect to " + endpoint.name());
    }
    tunnel = std::move(opened->tunnel);
    dialled->fd = std::move(opened->near_end);
  }
  amqp_tcp_socket_set_sockfd(socket, dialled->fd.release());

  const auto left = to_timeval(std::max<Clock::duration>(deadline - Clock::now(), std::chrono::milliseconds(1)));
  amqp_set_handshake_timeout(state.get(), &left);
  amqp_set_rpc_timeout(state.get(), &left);
  const auto reply = log_in(state.get(), endpoint, options);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
    interruption->detach(dialled->attachment);
    // Since TLS 1.3 a broker refuses our certificate only after the handshake.
    const auto broke = tunnel ? tunnel->why() : std::string();
    return fail(ErrorCode::broker_unavailable,
                "cannot log in to " + endpoint.name() + ": " + (broke.empty() ? describe(reply) : "TLS: " + broke));
  }
  const std::chrono::seconds heartbeat(amqp_get_heartbeat(state.get()));
  if (amqp_tune_connection(state.get(), amqp_get_channel_max(state.get()), amqp_get_frame_max(state.get()), 0) !=
      AMQP_STATUS_OK) {
    interruption->detach(dialled->attachment);
    return fail(ErrorCode::internal, "out of memory for an AMQP connection");
  }
  interruption->handshake_done();
  amqp_maybe_release_buffers(state.get());
  return Connection(std::move(tunnel), std::move(state), endpoint.name(), std::move(interruption), dialled->attachment,
                    heartbeat);
}

}  // namespace mtmsg::broker::amqp
