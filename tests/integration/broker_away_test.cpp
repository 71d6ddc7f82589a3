// The broker fails in every way it can, under a real daemon: nothing is lost, nothing twice, nothing dead-lettered, it
// goes on without a restart, and the operator is told once.

#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <signal.h>

#include "broker/control.hpp"
#include "client/transport.hpp"
#include "support/relay.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kLinks[] = {"broker.delivery", "broker.control", "broker.publish"};

/// A daemon behind a relay to the broker. The producer and the test's own checks go direct.
class BrokerAway : public testing::Test {
 protected:
  explicit BrokerAway(Settings settings = {}) : world_(with_relay(std::move(settings))) {}

  Settings with_relay(Settings settings) {
    settings.emplace("MTMSG_BROKER_URL", relay_.url());
    return settings;
  }
  void publish(std::int64_t count) {
    std::string lines;
    for (std::int64_t i = 0; i < count; ++i) {
      lines += foreign_line(tenant_, "{\"n\":" + std::to_string(++published_) + "}", Uuid::v4().to_string());
    }
    foreign_publish(lines);
  }
  /// A consumer takes one message at a time until one has come through its channel.
  void warm_up() {
    publish(1);
    EXPECT_TRUE(eventually([&] { return world_.stored() == published_ && in_hand() == 0; }));
  }
  bool all_stored() {
    return eventually([&] { return world_.stored() >= published_; });
  }
  bool links_up() {
    return eventually(
        [&] { return std::ranges::all_of(kLinks, [&](const char* link) { return world_.not_ready(link).empty(); }); });
  }
  bool link_down(const char* link) {
    return eventually([&] { return !world_.not_ready(link).empty(); });
  }
  /// Every message once, numbers without holes, no dead letter, no channel error, nothing waits.
  void expect_nothing_lost() {
    EXPECT_TRUE(all_stored()) << world_.picture();
    EXPECT_EQ(world_.stored(), published_);
    EXPECT_EQ(world_.gaps_and_doubles(), "");
    EXPECT_EQ(world_.number("select count(*) from dead_letters"), 0);
    EXPECT_TRUE(eventually([&] { return world_.client().status()->pipeline.unacked == 0; }));
    EXPECT_EQ(world_.logged("consumer_lost"), 0U) << world_.log();
  }
  std::uint64_t in_hand() { return world_.client().tenant("acme")->activity.unacked; }

  Relay relay_{broker_url()};
  World world_;
  TenantId tenant_;
  std::int64_t published_ = 0;
};

TEST_F(BrokerAway, AConnectionRefusedAtTheStartIsSaidAndWaitedFor) {
  relay_.refuse();
  world_.launch_daemon();
  for (const auto* link : kLinks) {
    EXPECT_TRUE(eventually([&] { return world_.not_ready(link).find("refused") != std::string::npos; }))
        << world_.not_ready(link);
  }
  EXPECT_TRUE(eventually([&] { return world_.not_ready("tenants").empty(); })) << "the database's part goes on";
  const auto refused = world_.client().create_tenant({"acme", {}});
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().error.code, ErrorCode::broker_unavailable);
  // Several tries later.
  EXPECT_TRUE(eventually([&] { return world_.client().status()->uptime >= 3s; }));
  EXPECT_EQ(world_.logged("broker_away"), 1U) << world_.log();
  EXPECT_EQ(world_.logged("not_ready"), 0U) << world_.log();
  relay_.accept();
  ASSERT_TRUE(links_up());
  EXPECT_EQ(world_.logged("broker_connected"), 1U);
  tenant_ = world_.create_tenant("acme").id;
  publish(50);
  expect_nothing_lost();
}

TEST_F(BrokerAway, AClosedAndAResetConnectionAreMadeAgainAndSaidOnceEach) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme").id;
  for (std::size_t round = 1; round <= 2; ++round) {
    relay_.refuse();
    round == 1 ? relay_.cut() : relay_.reset();
    publish(200);
    ASSERT_TRUE(link_down("broker.delivery"));
    ASSERT_TRUE(link_down("broker.control"));
    ASSERT_TRUE(link_down("broker.publish"));
    wire::PublishRequest request;
    request.payload = "{}";
    const auto refused = world_.client().publish("acme", request);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().error.code, ErrorCode::broker_unavailable);
    relay_.accept();
    ASSERT_TRUE(links_up());
    ASSERT_TRUE(all_stored()) << world_.picture();
    EXPECT_EQ(world_.logged("broker_connected"), 1 + round) << world_.log();
  }
  // Gone, and then refused: two reasons of one outage.
  EXPECT_LE(world_.logged("broker_away"), 4U) << world_.log();
  EXPECT_GE(world_.logged("broker_away"), 2U) << world_.log();
  EXPECT_EQ(world_.logged("not_ready"), 0U) << world_.log();
  expect_nothing_lost();
}

class SilentBroker : public BrokerAway {
 protected:
  SilentBroker() : BrokerAway({{"MTMSG_BROKER_HEARTBEAT", "1s"}}) {}
};

TEST_F(SilentBroker, IsNoticedByItsMissingHeartbeats) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme").id;
  publish(100);
  ASSERT_TRUE(all_stored());
  relay_.freeze();
  publish(100);
  ASSERT_TRUE(link_down("broker.delivery"));
  EXPECT_NE(world_.not_ready("broker.delivery"), "");
  relay_.thaw();
  ASSERT_TRUE(links_up()) << world_.picture();
  EXPECT_LE(world_.logged("broker_away"), 2U) << world_.log();
  EXPECT_EQ(world_.logged("broker_connected"), 2U) << world_.log();
  expect_nothing_lost();
}

TEST_F(BrokerAway, AnAlarmAtTheBrokerRefusesPublishingAtOnceAndIsSaidOnce) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme").id;
  // AMQP 0-9-1 frames of channel 0: connection.blocked("low on memory") and connection.unblocked. The broker sends them
  // to a connection that publishes during an alarm; an alarm at the tests' broker would stop every other test's.
  const std::string blocked("\x01\x00\x00\x00\x00\x00\x12\x00\x0a\x00\x3c\x0dlow on memory\xce", 26);
  const std::string unblocked("\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce", 12);
  relay_.say_to_client("mtmsgd publish", blocked);
  ASSERT_TRUE(eventually([&] {
    return world_.not_ready("broker.publish") == "RabbitMQ takes no messages for now: low on memory";
  })) << world_.not_ready("broker.publish");
  EXPECT_FALSE(world_.ready());
  wire::PublishRequest request;
  request.payload = "{\"n\":0}";
  const auto begin = std::chrono::steady_clock::now();
  const auto refused = world_.client().publish("acme", request);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().error.code, ErrorCode::broker_unavailable);
  EXPECT_NE(refused.error().error.message.find("low on memory"), std::string::npos) << refused.error().error.message;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  ASSERT_TRUE(eventually([&] { return world_.logged("not_ready", "part=broker.publish") == 1; })) << world_.log();
  publish(100);
  ASSERT_TRUE(all_stored()) << "consuming goes on";
  relay_.say_to_client("mtmsgd publish", unblocked);
  ASSERT_TRUE(eventually([&] { return world_.logged("ready_again", "part=broker.publish") == 1; })) << world_.log();
  EXPECT_TRUE(world_.ready());
  ASSERT_TRUE(world_.client().publish("acme", request).has_value());
  ++published_;
  EXPECT_EQ(world_.logged("not_ready"), 1U) << world_.log();
  expect_nothing_lost();
}

TEST_F(BrokerAway, OnlyThePublishLinkAwayIsSaidByName) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme").id;
  relay_.refuse();
  relay_.cut("mtmsgd publish");
  ASSERT_TRUE(eventually([&] { return world_.logged("not_ready", "part=broker.publish") == 1; })) << world_.log();
  publish(100);
  ASSERT_TRUE(all_stored());
  relay_.accept();
  ASSERT_TRUE(eventually([&] { return world_.logged("ready_again", "part=broker.publish") == 1; })) << world_.log();
  EXPECT_EQ(world_.logged("not_ready"), 1U) << world_.log();
  EXPECT_EQ(world_.logged("broker_away"), 0U) << world_.log();
  expect_nothing_lost();
}

TEST_F(BrokerAway, AChannelTheBrokerClosedIsOpenedAgainWithItsConsumer) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme").id;
  publish(10);
  ASSERT_TRUE(all_stored());
  ASSERT_TRUE(eventually([&] { return in_hand() == 0; }));
  // basic.ack of a tag the broker never gave, on channel 1: it answers with channel.close, 406.
  const std::string bad_ack("\x01\x00\x01\x00\x00\x00\x0d\x00\x3c\x00\x50\x00\x00\x00\x00\x00\x0f\xff\xff\x00\xce", 21);
  relay_.say_to_server("mtmsgd delivery", bad_ack);
  ASSERT_TRUE(eventually([&] { return world_.logged("consumer_lost") == 1; })) << world_.log();
  ASSERT_TRUE(eventually([&] { return world_.logged("tenant_repaired") == 1; })) << world_.log();
  publish(100);
  ASSERT_TRUE(all_stored()) << world_.picture();
  EXPECT_EQ(world_.stored(), published_);
  EXPECT_EQ(world_.gaps_and_doubles(), "");
  EXPECT_EQ(world_.logged("broker_away"), 0U) << "only the channel was lost";
}

TEST_F(BrokerAway, AWrongPasswordOrVirtualHostIsSaidOnceAndNeverShowsThePassword) {
  const auto url = relay_.url();
  const auto at = url.rfind('@');
  for (const auto& wrong : {"amqp://guest:geheim" + url.substr(at), url + "nowhere"}) {
    world_.set("MTMSG_BROKER_URL", wrong);
    world_.launch_daemon();
    ASSERT_TRUE(eventually([&] { return world_.logged("broker_away") == 1; })) << world_.log();
    ASSERT_TRUE(eventually([&] { return world_.client().status()->uptime >= 2s; }));
    EXPECT_EQ(world_.logged("broker_away"), 1U) << world_.log();
    EXPECT_EQ(world_.log().find("geheim"), std::string::npos);
    EXPECT_EQ(world_.not_ready("broker.delivery").find("geheim"), std::string::npos);
    EXPECT_NE(world_.not_ready("broker.delivery"), "");
    EXPECT_EQ(world_.stop_daemon(), 0);
  }
  world_.set("MTMSG_BROKER_URL", url);
  world_.start_daemon();
}

class NarrowPrefetch : public BrokerAway {
 protected:
  NarrowPrefetch() : BrokerAway({{"MTMSG_TENANTS_BATCH", "10"}}) {}
};

TEST_F(NarrowPrefetch, IsTheSameAfterANewConnectionAndStaleTagsAreNeverAcked) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme", 2).id;
  for (std::size_t connections = 2; connections <= 3; ++connections) {
    warm_up();
    // Somebody holds the tenant's counter, so the transaction of what came first is open the whole time.
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    publish(100);
    ASSERT_TRUE(eventually([&] { return in_hand() == 20; })) << world_.picture();
    relay_.cut();
    ASSERT_TRUE(eventually([&] { return world_.logged("broker_connected") == connections; }));
    // What is being written came through the old connection and is waited for; what waited was thrown away, and comes
    // again through the new one.
    ASSERT_TRUE(eventually([&] {
      const auto view = world_.client().tenant("acme");
      return view.has_value() && view->activity.consuming && view->activity.waiting > 0;
    })) << world_.picture();
    EXPECT_LT(world_.stored(), published_);
    holder.abort();
    ASSERT_TRUE(all_stored()) << world_.picture();
  }
  expect_nothing_lost();
  EXPECT_GT(world_.metric("mtmsg_duplicates_suppressed_total"), 0) << "the first transaction was delivered again";
}

TEST_F(BrokerAway, ManyLossesUnderLoadLoseNothing) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme", 8).id;
  constexpr std::int64_t kMessages = 10'000;
  const auto flood = foreign_flood(world_, {tenant_}, kMessages, 21);
  for (std::int64_t round = 1; round <= 5; ++round) {
    ASSERT_TRUE(eventually([&] { return world_.stored() >= round * 1'000; })) << world_.picture();
    round % 2 == 0 ? relay_.reset() : relay_.cut();
  }
  ASSERT_EQ(flood->wait(60s), 0) << flood->output();
  published_ = kMessages;
  expect_nothing_lost();
}

TEST_F(BrokerAway, ACrashBetweenCommitAndAckStoresNothingTwice) {
  world_.start_daemon();
  tenant_ = world_.create_tenant("acme").id;
  warm_up();
  {
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    publish(200);
    ASSERT_TRUE(eventually([&] { return in_hand() == 200; }));
    relay_.freeze();  // no ack gets through
  }
  ASSERT_TRUE(all_stored());
  world_.kill_daemon();
  relay_.cut();
  relay_.thaw();
  world_.start_daemon();
  ASSERT_TRUE(eventually([&] { return world_.metric("mtmsg_duplicates_suppressed_total") == 200; }))
      << world_.metric("mtmsg_duplicates_suppressed_total") << world_.picture();
  expect_nothing_lost();
  EXPECT_TRUE(eventually([&] { return world_.queues_empty(); }));
}

}  // namespace
}  // namespace mtmsg::test
