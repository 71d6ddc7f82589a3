#include "broker/amqp/frame_reader.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sys/socket.h>

#include "broker/amqp/nesting.hpp"

namespace mtmsg::broker::amqp {
namespace {

/// AMQP 0-9-1, 2.3.5: type, channel (2), size (4); payload; end byte.
constexpr std::size_t kHead = 7;
constexpr std::size_t kOverhead = kHead + 1;

std::uint32_t payload_size(const char* frame) noexcept {
  std::uint32_t size = 0;
  for (std::size_t i = 3; i < kHead; ++i) size = size << 8U | static_cast<std::uint8_t>(frame[i]);
  return size;
}

std::string frame_of(std::string_view head, std::string_view payload) {
  std::string out;
  out.reserve(kOverhead + payload.size());
  out += head.substr(0, 3);
  for (unsigned i = 0; i < 4; ++i) out += static_cast<char>(payload.size() >> (8U * (3 - i)));
  out += payload;
  out += static_cast<char>(AMQP_FRAME_END);
  return out;
}

}  // namespace

FrameReader::FrameReader(amqp_connection_state_t state)
    : state_(state),
      buffer_(static_cast<std::size_t>(amqp_get_frame_max(state))),
      left_over_(amqp_data_in_buffer(state) != 0) {}

int FrameReader::next(amqp_frame_t& frame) {
  if (left_over_) return next_left_over(frame);
  for (;;) {
    const auto have = end_ - begin_;
    const auto size = have < kHead ? kHead : kOverhead + payload_size(buffer_.data() + begin_);
    if (size > buffer_.size()) return AMQP_STATUS_BAD_AMQP_DATA;
    const int status = have < size ? fill() : decode(size, frame);
    if (status != AMQP_STATUS_OK) return status;
    if (have >= size && frame.frame_type != 0) return AMQP_STATUS_OK;
  }
}

int FrameReader::next_left_over(amqp_frame_t& frame) {
  const timeval now{};
  const int status = amqp_simple_wait_frame_noblock(state_, &frame, &now);
  // Between two frames, and with nothing buffered, the socket is ours.
  left_over_ = amqp_data_in_buffer(state_) != 0 || amqp_release_buffers_ok(state_) == 0;
  return status;
}

int FrameReader::decode(std::size_t size, amqp_frame_t& frame) {
  std::string_view bytes_of_frame(buffer_.data() + begin_, size);
  begin_ += size;
  if (bytes_of_frame.front() == AMQP_FRAME_HEADER && size > kShallowBytes) {
    const auto cut = cut_nesting(bytes_of_frame.substr(kHead, size - kOverhead));
    if (cut) {
      cut_ = frame_of(bytes_of_frame, *cut);
      bytes_of_frame = cut_;
    }
  }
  const int taken = amqp_handle_input(state_, bytes(bytes_of_frame), &frame);
  return taken < 0 ? taken : AMQP_STATUS_OK;
}

int FrameReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  for (;;) {
    const auto got = ::recv(amqp_get_sockfd(state_), buffer_.data() + end_, buffer_.size() - end_, 0);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      last_heard_ = Clock::now();
      return AMQP_STATUS_OK;
    }
    if (got == 0) return AMQP_STATUS_CONNECTION_CLOSED;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? AMQP_STATUS_TIMEOUT : AMQP_STATUS_SOCKET_ERROR;
  }
}

}  // namespace mtmsg::broker::amqp
