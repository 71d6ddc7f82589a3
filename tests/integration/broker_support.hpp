#pragma once

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "broker/session.hpp"
#include "support/relay.hpp"

/// What the tests of the broker edge share. They need MTMSG_BROKER_URL, and each uses names of its own.
namespace mtmsg::broker::testing {

using test::Relay;

inline constexpr std::chrono::seconds kPatience{30};

std::string broker_url();
/// Nobody else's.
std::string unique_name(std::string_view prefix);
/// Polls until it holds or patience ends.
bool eventually(const std::function<bool()>& condition);

/// Writes down everything a session tells, with copies of what it lends.
class Recorder : public SessionHandler {
 public:
  virtual ~Recorder() = default;

  struct Received {
    std::uint16_t channel;
    std::uint64_t tag;
    bool redelivered;
    std::uint32_t delivery_count;
    std::string body;
    std::optional<std::string> message_id;
    std::optional<Timestamp> timestamp;
    std::string headers;
  };

  void on_delivery(const Delivery& delivery) noexcept override;
  void on_burst_end() noexcept override { ++bursts; }
  void on_consumer_cancelled(ChannelNumber, std::string_view tag) noexcept override { cancelled.emplace_back(tag); }
  void on_channel_closed(ChannelNumber channel, const Error& why) noexcept override {
    closed_channels.emplace_back(channel.value, why);
  }
  void on_confirm(ChannelNumber, PublishNumber number, const Result<void>& outcome) noexcept override {
    confirms.emplace_back(number.value, outcome);
  }
  void on_blocked(bool now, std::string_view) noexcept override { blocked = now; }
  void on_closed(const Error& why) noexcept override { closed.push_back(why); }

  std::vector<Received> received;
  std::vector<std::string> cancelled;
  std::vector<std::pair<std::uint16_t, Error>> closed_channels;
  std::vector<std::pair<std::uint64_t, Result<void>>> confirms;
  std::vector<Error> closed;
  unsigned bursts = 0;
  bool blocked = false;
};

/// A session with an io_context that runs only inside run() and run_until(). The test's thread is the link thread.
class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override { connect(broker_url()); }
  void TearDown() override;

  void connect(std::string url);
  /// Runs the connection until the coroutine is done.
  template <class T>
  T run(asio::awaitable<T> work) {
    std::optional<T> out;
    asio::co_spawn(io, std::move(work), [&](const std::exception_ptr& error, T value) {
      if (error) std::rethrow_exception(error);
      out.emplace(std::move(value));
    });
    EXPECT_TRUE(run_until([&] { return out.has_value(); }));
    return std::move(*out);
  }
  void run(asio::awaitable<void> work);
  bool run_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = kPatience);

  /// A classic queue (fast to make) that goes with the test; channel 1 is open.
  std::string make_queue();
  /// Deletes the queue after the test.
  void clean_up(std::string queue);
  /// Publishes through the default exchange on a channel in confirm mode and waits for the confirm.
  Result<void> publish(Publication publication);

  ConnectOptions options;
  asio::io_context io;
  Recorder seen;
  std::unique_ptr<Session> session;
  static constexpr ChannelNumber kOne{1};
  static constexpr ChannelNumber kTwo{2};
  static constexpr ChannelNumber kPublish{3};

 private:
  std::vector<std::string> queues_;
  bool publishing_ = false;
};

}  // namespace mtmsg::broker::testing
