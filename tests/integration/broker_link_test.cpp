#include <atomic>
#include <mutex>
#include <thread>

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "broker/control.hpp"
#include "broker/link.hpp"
#include "broker/publisher.hpp"
#include "core/uuid.hpp"
#include "integration/broker_support.hpp"

namespace mtmsg::broker::testing {
namespace {

ConnectOptions options_for(std::string url) {
  ConnectOptions options;
  options.url = std::move(url);
  options.connection_name = "mtmsg integration test";
  options.rpc_timeout = std::chrono::seconds(10);
  return options;
}

class Watcher final : public LinkHandler {
 public:
  void on_connected(Session& session) noexcept override {
    ++connected;
    if (on_connect) on_connect(session);
  }
  void on_closed(const Error&) noexcept override { ++closed; }
  void on_delivery(const Delivery&) noexcept override {}
  void on_burst_end() noexcept override {}
  void on_consumer_cancelled(ChannelNumber, std::string_view) noexcept override {}
  void on_channel_closed(ChannelNumber, const Error&) noexcept override {}
  void on_blocked(bool, std::string_view) noexcept override {}

  std::atomic<int> connected = 0;
  std::atomic<int> closed = 0;
  std::function<void(Session&)> on_connect;
};

TEST(Link, ConnectsAgainAfterTheConnectionIsLost) {
  Relay relay{broker_url()};
  Watcher watcher;
  Link link(options_for(relay.url()), watcher);
  EXPECT_FALSE(link.status().connected);
  link.start();
  ASSERT_TRUE(eventually([&] { return link.status().connected; }));
  for (int round = 1; round <= 3; ++round) {
    relay.cut();
    ASSERT_TRUE(eventually([&] { return watcher.closed == round && link.status().connected; }));
    EXPECT_EQ(watcher.connected, round + 1);
  }
  EXPECT_EQ(link.status().last_error, "");
  link.stop();
  EXPECT_FALSE(link.status().connected);
  EXPECT_EQ(watcher.closed, 3) << "an orderly stop is no loss";
}

/// The broker's URL with these hosts.
std::string url_of(std::initializer_list<std::string> addresses) {
  auto url = broker_url();
  const auto begin = url.find('@') + 1;
  std::string hosts;
  for (const auto& address : addresses) hosts += (hosts.empty() ? "" : ",") + address;
  return url.replace(begin, url.find('/', begin) - begin, hosts);
}

/// Writes down whom its link is connected to, and why it is not.
class ServerWatcher final : public LinkHandler {
 public:
  void on_connected(Session& session) noexcept override {
    const std::lock_guard lock(mutex_);
    servers_.push_back(session.server());
  }
  void on_connect_failed(const Error& why) noexcept override {
    const std::lock_guard lock(mutex_);
    reasons_.push_back(why.message);
  }
  void on_closed(const Error&) noexcept override {}
  void on_delivery(const Delivery&) noexcept override {}
  void on_burst_end() noexcept override {}
  void on_consumer_cancelled(ChannelNumber, std::string_view) noexcept override {}
  void on_channel_closed(ChannelNumber, const Error&) noexcept override {}
  void on_blocked(bool, std::string_view) noexcept override {}

  bool been_at(const std::vector<std::string>& servers) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      return servers_ == servers;
    });
  }
  std::vector<std::string> reasons() {
    const std::lock_guard lock(mutex_);
    return reasons_;
  }

 private:
  std::mutex mutex_;  // guards all below
  std::vector<std::string> servers_;
  std::vector<std::string> reasons_;
};

void lose(Relay& relay) {
  relay.refuse();
  relay.cut();
}

TEST(LinkToACluster, GoesOverToTheNextHostAndBack) {
  Relay one{broker_url()};
  Relay two{broker_url()};
  ServerWatcher watcher;
  Link link(options_for(url_of({one.address(), two.address()})), watcher);
  link.start();
  ASSERT_TRUE(watcher.been_at({one.address()}));
  lose(one);
  ASSERT_TRUE(watcher.been_at({one.address(), two.address()}));
  one.accept();
  lose(two);
  ASSERT_TRUE(watcher.been_at({one.address(), two.address(), one.address()}));
}

TEST(LinkToACluster, TakesTheFirstHostThatLetsItIn) {
  Relay two{broker_url()};
  ServerWatcher watcher;
  Link link(options_for(url_of({"127.0.0.1:1", two.address()})), watcher);
  link.start();
  ASSERT_TRUE(watcher.been_at({two.address()}));
  EXPECT_TRUE(watcher.reasons().empty());
}

TEST(LinkToACluster, WaitsForAHostThatHangsOnceAndThenBeginsWithAnother) {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  const auto hanging = "127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  Relay two{broker_url()};
  Relay three{broker_url()};
  auto options = options_for(url_of({hanging, two.address(), three.address()}));
  options.connect_timeout = std::chrono::milliseconds(1500);
  ServerWatcher watcher;
  Link link(options, watcher);
  const auto start = std::chrono::steady_clock::now();
  link.start();
  ASSERT_TRUE(watcher.been_at({two.address()}));
  const auto lost = std::chrono::steady_clock::now();
  EXPECT_GE(lost - start, options.connect_timeout) << "a time that is short is not shared";
  lose(two);
  ASSERT_TRUE(watcher.been_at({two.address(), three.address()}));
  EXPECT_LT(std::chrono::steady_clock::now() - lost, options.connect_timeout);
}

TEST(LinkToACluster, SaysWhyOfEachHostInTheirOrderAndOncePerChange) {
  Relay third{broker_url()};
  third.refuse();
  ServerWatcher watcher;
  Link link(options_for("amqp://nobody:geheim@127.0.0.1:1,127.0.0.1:2," + third.address() + "/"), watcher);
  link.start();
  ASSERT_TRUE(eventually([&] { return !watcher.reasons().empty(); }));
  third.accept();  // from now on it is the password that is wrong
  ASSERT_TRUE(eventually([&] { return link.status().last_error.find("ACCESS_REFUSED") != std::string::npos; }));
  link.stop();
  const auto reasons = watcher.reasons();
  EXPECT_EQ(reasons.size(), 2U);
  for (const auto& reason : reasons) {
    EXPECT_LT(reason.find("127.0.0.1:1:"), reason.find("127.0.0.1:2:")) << reason;
    EXPECT_LT(reason.find("127.0.0.1:2:"), reason.find(third.address())) << reason;
    EXPECT_NE(reason.find(third.address()), std::string::npos) << reason;
    EXPECT_EQ(reason.find("geheim"), std::string::npos) << reason;
  }
}

TEST(Link, StaysStoppedWhenItWasStoppedBeforeItStarted) {
  Watcher watcher;
  Link link(options_for(broker_url()), watcher);
  link.stop();
  link.start();
  link.stop();
  EXPECT_EQ(watcher.connected, 0);
}

TEST(Link, SaysWhyItIsNotConnected) {
  Watcher watcher;
  Link link(options_for("amqp://nobody:geheim@127.0.0.1:1"), watcher);
  link.start();
  ASSERT_TRUE(eventually([&] { return link.status().last_error.find("127.0.0.1:1") != std::string::npos; }));
  EXPECT_EQ(link.status().last_error.find("geheim"), std::string::npos);
}

TEST(Link, StopsAtOnceWhileItConnects) {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  auto options = options_for("amqp://guest:guest@127.0.0.1:" + std::to_string(silent.local_endpoint().port()));
  options.connect_timeout = std::chrono::seconds(20);
  Watcher watcher;
  Link link(options, watcher);
  link.start();
  auto accepted = silent.accept();  // it waits for the handshake now
  const auto start = std::chrono::steady_clock::now();
  link.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_EQ(watcher.connected, 0);
}

TEST(Link, StopsInTimeWhenTheBrokerIsSilent) {
  Relay relay{broker_url()};
  Watcher watcher;
  auto options = options_for(relay.url());
  options.rpc_timeout = std::chrono::seconds(1);
  Link link(options, watcher);
  link.start();
  ASSERT_TRUE(eventually([&] { return link.status().connected; }));
  relay.freeze();
  const auto start = std::chrono::steady_clock::now();
  link.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

TEST(Link, StartsAndStopsInAnyOrderAndByAnybody) {
  Relay relay{broker_url()};
  for (int round = 0; round < 30; ++round) {
    Watcher watcher;
    std::optional<asio::any_io_executor> executor;
    watcher.on_connect = [&executor](Session& session) {
      // Something that is under way when the stop comes.
      for (std::uint16_t i = 1; i < 20; ++i) {
        asio::co_spawn(
            asio::system_executor(), []() -> asio::awaitable<void> { co_return; }, asio::detached);
        (void)session.open_channel(ChannelNumber{i});
      }
    };
    Link link(options_for(relay.url()), watcher);
    executor = link.executor();
    link.start();
    link.start();
    if (round % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(round * 700));
    if (round % 4 == 0) relay.cut();
    std::thread other([&] { link.stop(); });
    link.stop();
    other.join();
    link.stop();
    EXPECT_FALSE(link.status().connected);
  }
}

/// A tenant nobody else has, its control and its publisher.
class TenantTest : public ::testing::Test {
 protected:
  TenantTest() {
    topology.name_space = unique_name("mtmsg-test");
    topology.quorum = false;  // faster to make
  }
  void start(std::string url) {
    control = std::make_unique<Control>(options_for(broker_url()), topology);
    publisher = std::make_unique<Publisher>(options_for(std::move(url)), limits);
    control->start();
    publisher->start();
    ASSERT_TRUE(eventually([&] { return control->status().connected && publisher->status().connected; }));
    ASSERT_TRUE(control->declare_tenant(tenant, {}).has_value());
    // Connected is who takes messages: the channel comes a little after the connection.
    ASSERT_TRUE(publish("first").has_value());
  }
  void TearDown() override {
    EXPECT_TRUE(control->delete_tenant(tenant).has_value());
    in_broker([&](Session& session) -> asio::awaitable<void> {
      (void)co_await session.delete_queue(ChannelNumber{1}, dead_letter_queue(topology));
      (void)co_await session.delete_exchange(ChannelNumber{1}, dead_letter_exchange(topology));
    });
  }
  /// Does something behind everybody's back, with channel 1 of a session of its own.
  static void in_broker(const std::function<asio::awaitable<void>(Session&)>& work) {
    Recorder ignored;
    asio::io_context io;
    const auto session = connect(io, options_for(broker_url()), ignored).value();
    bool done = false;
    const auto steps = [&]() -> asio::awaitable<void> {
      (void)co_await session->open_channel(ChannelNumber{1});
      co_await work(*session);
      co_await session->close();
      done = true;
    };
    asio::co_spawn(io, steps(), asio::detached);
    while (!done && io.run_one() > 0) {
    }
  }
  Result<void> publish(std::string body) { return publisher->publish(tenant, new_id(), std::move(body)).get(); }
  static std::string new_id() { return Uuid::v7().to_string(); }

  TopologyOptions topology;
  Publisher::Limits limits;
  TenantId tenant{Uuid::v4()};
  std::unique_ptr<Control> control;
  std::unique_ptr<Publisher> publisher;
};

TEST_F(TenantTest, IsDeclaredMeasuredAndDeleted) {
  start(broker_url());
  ASSERT_TRUE(control->declare_tenant(tenant, {}).has_value()) << "declaring is not idempotent";
  ASSERT_TRUE(publish("second").has_value());
  EXPECT_EQ(control->depth(tenant).value().ready, 2U);
  EXPECT_EQ(control->delete_tenant(tenant).value(), 2U);
  EXPECT_EQ(control->delete_tenant(tenant).value(), 0U) << "deleting is not idempotent";
  EXPECT_EQ(control->depth(tenant).error().code, ErrorCode::not_found);
  ASSERT_TRUE(control->declare_tenant(tenant, {}).has_value()) << "a 404 broke the channel for good";
}

TEST_F(TenantTest, WithQuorumQueuesIsDeclaredAsWell) {
  topology.quorum = true;
  start(broker_url());
  EXPECT_EQ(control->depth(tenant).value().ready, 1U);
}

TEST_F(TenantTest, IsServedWhileManyOthersAre) {
  start(broker_url());
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        // Every other one closes its channel with a 404.
        const auto depth = control->depth(i % 2 == 0 ? tenant : TenantId{Uuid::v4()});
        if (i % 2 == 0 ? depth.has_value() : depth.error().code == ErrorCode::not_found) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST_F(TenantTest, TakesTenThousandPublicationsFromSeveralThreads) {
  start(broker_url());
  std::vector<std::thread> threads;
  std::atomic<int> stored = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      std::vector<std::future<Result<void>>> answers;
      for (int j = 0; j < 2500; ++j) answers.push_back(publisher->publish(tenant, new_id(), std::string(200, 'p')));
      for (auto& answer : answers) stored += answer.get().has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("publications_per_second", static_cast<int>(10'000 / took.count()));
  EXPECT_EQ(stored, 10'000);
  EXPECT_EQ(control->depth(tenant).value().ready, 10'001U);
}

TEST_F(TenantTest, TellsThatNoQueueIsBound) {
  start(broker_url());
  in_broker([&](Session& session) -> asio::awaitable<void> {
    (void)co_await session.delete_queue(ChannelNumber{1}, tenant_queue(tenant));
  });
  EXPECT_EQ(publish("lost").error().code, ErrorCode::not_found);
}

TEST_F(TenantTest, IsNotHarmedByPublicationsToAMissingOne) {
  start(broker_url());
  std::vector<std::pair<bool, std::future<Result<void>>>> answers;
  for (int i = 0; i < 1000; ++i) {
    const bool missing = i == 500;
    answers.emplace_back(missing, publisher->publish(missing ? TenantId{Uuid::v4()} : tenant, new_id(), "x"));
  }
  int unavailable = 0;
  for (auto& [missing, answer] : answers) {
    const auto outcome = answer.get();
    if (missing) {
      EXPECT_EQ(outcome.error().code, ErrorCode::not_found);
    } else if (!outcome) {
      // Refused at the door while the channel was opened again.
      EXPECT_EQ(outcome.error().code, ErrorCode::broker_unavailable) << outcome.error().message;
      ++unavailable;
    }
  }
  EXPECT_EQ(unavailable, 0);
  EXPECT_TRUE(publish("after").has_value());
}

TEST_F(TenantTest, HearsAtOnceThatTheBrokerIsLost) {
  Relay relay{broker_url()};
  start(relay.url());
  relay.freeze();
  std::vector<std::future<Result<void>>> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(publisher->publish(tenant, new_id(), "x"));
  relay.cut();
  for (auto& answer : answers) EXPECT_EQ(answer.get().error().code, ErrorCode::broker_unavailable);
  relay.thaw();
  EXPECT_TRUE(eventually([&] { return publish("again").has_value(); }));
  publisher->stop();
}

TEST_F(TenantTest, WaitsAtTheLimitAndHearsOfTheTimeout) {
  limits.max_in_flight_messages = 10;
  limits.confirm_timeout = std::chrono::milliseconds(300);
  Relay relay{broker_url()};
  start(relay.url());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(publish(std::to_string(i)).has_value());
  relay.freeze();
  std::vector<std::future<Result<void>>> answers;
  for (int i = 0; i < 12; ++i) answers.push_back(publisher->publish(tenant, new_id(), "x"));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto code = answers[i].get().error().code;
    // Whoever found room when the first were answered is there when the connection is given up.
    EXPECT_TRUE(code == ErrorCode::timeout || (i >= 10 && code == ErrorCode::broker_unavailable)) << i;
  }
  relay.thaw();
  EXPECT_TRUE(eventually([&] { return publish("again").has_value(); }));
}

TEST_F(TenantTest, IsPublishedToAsSoonAsThePublisherSaysItIsConnected) {
  start(broker_url());
  for (int i = 0; i < 20; ++i) {
    Publisher fresh(options_for(broker_url()), limits);
    fresh.start();
    // Not every few milliseconds: the moment is short.
    while (!fresh.status().connected) std::this_thread::yield();
    ASSERT_TRUE(fresh.publish(tenant, new_id(), "x").get().has_value());
  }
}

TEST_F(TenantTest, DoesNotStayWithABrokerThatConfirmsNothing) {
  limits.confirm_timeout = std::chrono::milliseconds(300);
  Relay one{broker_url()};
  Relay two{broker_url()};
  start(url_of({one.address(), two.address()}));
  one.freeze();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(publish("lost").error().code, ErrorCode::timeout);
  EXPECT_TRUE(eventually([&] { return publish("again").has_value(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << "missing heartbeats take twice that";
}

/// channel.open of the second channel (AMQP 0-9-1, 1.5.2.1).
const std::string kOpensSecondChannel("\x01\x00\x02\x00\x00\x00\x05\x00\x14\x00\x0A\x00\xCE", 13);

TEST_F(TenantTest, ThatRefusesEverythingForLongIsAskedOverAnotherChannel) {
  limits.refusal_patience = std::chrono::milliseconds(200);
  Relay relay{broker_url()};
  start(relay.url());
  const TenantId full{Uuid::v4()};
  ASSERT_TRUE(control->declare_tenant(full, {.max_length = 1}).has_value());
  relay.cut_after(kOpensSecondChannel);
  const auto answer = [&] { return publisher->publish(full, new_id(), "x").get(); };
  ASSERT_TRUE(eventually([&] { return !answer().has_value(); })) << "a queue of one message takes everything";
  EXPECT_TRUE(eventually([&] {
    (void)answer();
    return relay.has_cut();
  }));
  EXPECT_TRUE(eventually([&] { return publish("again").has_value(); }));
  EXPECT_TRUE(control->delete_tenant(full).has_value());
}

TEST_F(TenantTest, LosesNothingWhileAnotherThatIsFullIsAskedOverChannelAfterChannel) {
  limits.refusal_patience = std::chrono::milliseconds(0);
  start(broker_url());
  const TenantId full{Uuid::v4()};
  ASSERT_TRUE(control->declare_tenant(full, {.max_length = 1}).has_value());
  std::vector<std::future<Result<void>>> answers, refusals;
  for (int i = 0; i < 20'000; ++i) {
    answers.push_back(publisher->publish(tenant, new_id(), "x"));
    if (i % 10 == 0) refusals.push_back(publisher->publish(full, new_id(), "x"));
  }
  for (auto& answer : answers) ASSERT_TRUE(answer.get().has_value());
  int refused = 0;
  for (auto& answer : refusals) {
    const auto outcome = answer.get();
    if (outcome) continue;
    ASSERT_EQ(outcome.error().code, ErrorCode::broker_rejected) << outcome.error().message;
    ++refused;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_EQ(control->depth(tenant).value().ready, 20'001U);
  EXPECT_TRUE(control->delete_tenant(full).has_value());
}

TEST_F(TenantTest, HearsThatThePublisherStops) {
  Relay relay{broker_url()};
  start(relay.url());
  relay.freeze();
  auto answer = publisher->publish(tenant, new_id(), "x");
  std::thread([&] { relay.cut(); }).join();
  publisher->stop();
  publisher->stop();
  EXPECT_EQ(answer.get().error().code, ErrorCode::broker_unavailable);
  EXPECT_EQ(publish("x").error().code, ErrorCode::broker_unavailable);
  control->stop();
  EXPECT_EQ(control->depth(tenant).error().code, ErrorCode::broker_unavailable);
  control = std::make_unique<Control>(options_for(broker_url()), topology);
  control->start();
  ASSERT_TRUE(eventually([&] { return control->status().connected; }));
}

}  // namespace
}  // namespace mtmsg::broker::testing
