#include "broker/amqp/frame_reader.hpp"

#include <array>
#include <optional>
#include <random>
#include <stdexcept>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/amqp/headers.hpp"
#include "broker/amqp/nesting.hpp"

namespace mtmsg::broker::amqp {
namespace {

using namespace std::string_literals;

std::string number(std::uint64_t value, unsigned size) {
  std::string out;
  for (unsigned i = size; i-- > 0;) out += static_cast<char>(value >> (8U * i));
  return out;
}

std::string frame_of(int type, int channel, const std::string& payload) {
  return number(static_cast<std::uint64_t>(type), 1) + number(static_cast<std::uint64_t>(channel), 2) +
         number(payload.size(), 4) + payload + number(AMQP_FRAME_END, 1);
}

/// A content header whose table nests `levels` tables.
std::string header_of(int levels) {
  std::string table;
  for (int i = 0; i < levels; ++i) table = "\x01tF"s + number(table.size(), 4) + table;
  return number(60, 2) + number(0, 2) + number(0, 8) + number(AMQP_BASIC_HEADERS_FLAG, 2) + number(table.size(), 4) +
         table;
}

/// A reader at one end of a socket, and the broker's end.
class FrameReaderTest : public testing::Test {
 protected:
  FrameReaderTest() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0) throw std::runtime_error("socketpair");
    amqp_tcp_socket_set_sockfd(amqp_tcp_socket_new(state_), ends[0]);
    broker_ = ends[1];
    // The library's first frame ends its handshake, and loses a byte of what is no protocol header.
    amqp_handle_input(state_, bytes(frame_of(AMQP_FRAME_BODY, 1, "?")), &frame_);
    amqp_release_buffers(state_);
  }
  ~FrameReaderTest() override {
    hang_up();
    amqp_destroy_connection(state_);
  }
  void hang_up() {
    if (broker_ >= 0) ::close(std::exchange(broker_, -1));
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::send(broker_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  FrameReader& reader() {
    if (!reader_) reader_.emplace(state_);
    return *reader_;
  }

  amqp_connection_state_t state_ = amqp_new_connection();
  int broker_ = -1;
  std::optional<FrameReader> reader_;
  amqp_frame_t frame_{};
};

TEST_F(FrameReaderTest, AnEmptySocketIsATimeout) {
  EXPECT_EQ(reader().next(frame_), AMQP_STATUS_TIMEOUT);
}

TEST_F(FrameReaderTest, FramesComeWholeAndInOrderHoweverTheirBytesArrive) {
  std::mt19937 random(3);
  constexpr int kFrames = 2'000;
  std::string stream;
  for (int i = 0; i < kFrames; ++i) {
    stream += frame_of(AMQP_FRAME_BODY, i % 7 + 1, std::to_string(i) + std::string(random() % 300, 'x'));
    if (i % 50 == 0) stream += frame_of(AMQP_FRAME_HEARTBEAT, 0, "");
  }
  int seen = 0;
  int beats = 0;
  for (std::size_t sent = 0; sent < stream.size();) {
    const auto part = std::min<std::size_t>(stream.size() - sent, 1 + random() % 2'000);
    send(std::string_view(stream).substr(sent, part));
    sent += part;
    int status = AMQP_STATUS_OK;
    while ((status = reader().next(frame_)) == AMQP_STATUS_OK) {
      if (frame_.frame_type == AMQP_FRAME_HEARTBEAT) {
        ++beats;
        continue;
      }
      ASSERT_EQ(frame_.channel, seen % 7 + 1);
      const auto text = std::to_string(seen);
      ASSERT_TRUE(view(frame_.payload.body_fragment).starts_with(text));
      ++seen;
      amqp_maybe_release_buffers_on_channel(state_, frame_.channel);
    }
    ASSERT_EQ(status, AMQP_STATUS_TIMEOUT);
  }
  EXPECT_EQ(seen, kFrames);
  EXPECT_EQ(beats, kFrames / 50);
}

TEST_F(FrameReaderTest, HeadersNestedTooDeepForTheLibraryAreReadAndEndAsNull) {
  for (const int levels : {1, 63, 64, 100, 101, 1'000, 5'000}) {
    send(frame_of(AMQP_FRAME_HEADER, 1, header_of(levels)));
    ASSERT_EQ(reader().next(frame_), AMQP_STATUS_OK) << levels;
    ASSERT_EQ(frame_.frame_type, AMQP_FRAME_HEADER);
    std::string json;
    render_headers(*static_cast<const amqp_basic_properties_t*>(frame_.payload.properties.decoded),
                   Origin::first_delivery, json);
    EXPECT_EQ(std::count(json.begin(), json.end(), '{'), std::min(levels, kMaxDepth - 1) + 1) << levels;
    EXPECT_EQ(json.find("null") != std::string::npos, levels >= kMaxDepth) << levels;
    amqp_maybe_release_buffers_on_channel(state_, 1);
  }
  send(frame_of(AMQP_FRAME_BODY, 1, "next"));
  ASSERT_EQ(reader().next(frame_), AMQP_STATUS_OK);
  EXPECT_EQ(view(frame_.payload.body_fragment), "next");
}

TEST_F(FrameReaderTest, AFrameLargerThanAgreedIsTheEnd) {
  send(number(AMQP_FRAME_BODY, 1) + number(1, 2) + number(0xFFFFFFFF, 4));
  EXPECT_EQ(reader().next(frame_), AMQP_STATUS_BAD_AMQP_DATA);
}

TEST_F(FrameReaderTest, AFrameWithoutItsEndByteIsTheEnd) {
  send(number(AMQP_FRAME_BODY, 1) + number(1, 2) + number(4, 4) + "body?");
  EXPECT_EQ(reader().next(frame_), AMQP_STATUS_BAD_AMQP_DATA);
}

TEST_F(FrameReaderTest, AClosedSocketIsToldAfterItsLastFrame) {
  send(frame_of(AMQP_FRAME_BODY, 1, "last") + "\x03"s);
  hang_up();
  EXPECT_EQ(reader().next(frame_), AMQP_STATUS_OK);
  EXPECT_EQ(reader().next(frame_), AMQP_STATUS_CONNECTION_CLOSED);
}

}  // namespace
}  // namespace mtmsg::broker::amqp
