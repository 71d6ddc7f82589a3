#pragma once

/// The one place that includes rabbitmq-c, whose headers moved between 0.11 and 0.15.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif

#include <string_view>

namespace mtmsg::broker::amqp {

/// A view of the library's bytes; valid as long as they are.
inline std::string_view view(const amqp_bytes_t& bytes) noexcept {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

/// The library's bytes over a view. It takes void* and only reads.
inline amqp_bytes_t bytes(std::string_view text) noexcept {
  amqp_bytes_t out;
  out.len = text.size();
  out.bytes = const_cast<char*>(text.data());
  return out;
}

}  // namespace mtmsg::broker::amqp
