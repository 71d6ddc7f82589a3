#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "broker/amqp/api.hpp"

namespace mtmsg::broker::amqp {

/// Takes frames from the socket of a logged-in connection: this class reads, rabbitmq-c decodes. So a content header
/// can be made harmless before the library sees it (nesting.hpp), and a frame costs no system call of its own. Link
/// thread only.
class FrameReader {
 public:
  using Clock = std::chrono::steady_clock;

  /// `state` must outlive the reader, have a TCP socket that does not block, and be read by nobody else.
  explicit FrameReader(amqp_connection_state_t state);

  /// AMQP_STATUS_OK: `frame` is set, and good until its channel's buffers are released. AMQP_STATUS_TIMEOUT: the socket
  /// is read empty. Anything else is the connection's end.
  int next(amqp_frame_t& frame);
  /// When bytes came last: heartbeats are bytes, too.
  Clock::time_point last_heard() const noexcept { return last_heard_; }

 private:
  int next_left_over(amqp_frame_t& frame);
  int decode(std::size_t size, amqp_frame_t& frame);
  int fill();

  amqp_connection_state_t state_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is read and not yet decoded
  std::size_t end_ = 0;
  std::string cut_;  // a frame that was rewritten
  /// The library read beyond its handshake: what is left in its buffer comes first.
  bool left_over_;
  Clock::time_point last_heard_ = Clock::now();
};

}  // namespace mtmsg::broker::amqp
