// amqps to a RabbitMQ that speaks TLS: what the plain link promises holds, and what is wrong with a certificate is
// said.

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.hpp"
#include "support/relay.hpp"
#include "tests/integration/tls_servers.hpp"

namespace mtmsg::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kTlsLinks[] = {"broker.delivery", "broker.control", "broker.publish"};

/// A daemon that reaches RabbitMQ through a relay, by TLS. Producers and the test's own checks go direct.
class BrokerTls : public testing::Test {
 protected:
  void SetUp() override {
    if (!servers_speak_tls()) GTEST_SKIP() << kNoTls;
    relay_ = std::make_unique<Relay>(tls_broker_url());
    world_ = std::make_unique<World>(Settings{{"MTMSG_BROKER_URL", relay_->url()}, {"MTMSG_BROKER_TLS_CA", ca_file()}});
  }
  void publish(std::int64_t count) {
    std::string lines;
    for (std::int64_t i = 0; i < count; ++i)
      lines += foreign_line(tenant_, "{\"n\":" + std::to_string(++published_) + "}", Uuid::v4().to_string());
    foreign_publish(lines);
  }
  bool links_up() {
    return eventually([&] {
      return std::ranges::all_of(kTlsLinks, [&](const char* link) { return world_->not_ready(link).empty(); });
    });
  }
  void expect_nothing_lost() {
    EXPECT_TRUE(eventually([&] { return world_->stored() >= published_; })) << world_->picture();
    EXPECT_EQ(world_->stored(), published_);
    EXPECT_EQ(world_->gaps_and_doubles(), "");
    EXPECT_TRUE(eventually([&] { return world_->client().status()->pipeline.unacked == 0; })) << world_->picture();
  }
  /// Every link says so, and after some tries still does; then a daemon that is told to stop does.
  void expect_away(const testing::Matcher<std::string>& why) {
    world_->launch_daemon();
    for (const auto* link : kTlsLinks) {
      EXPECT_TRUE(eventually([&] { return testing::Value(world_->not_ready(link), why); })) << world_->not_ready(link);
    }
    EXPECT_THAT(ready_page(*world_), why);
    EXPECT_TRUE(eventually([&] { return world_->client().status()->uptime >= std::chrono::seconds(2); }));
    EXPECT_THAT(world_->not_ready("broker.delivery"), why);
    EXPECT_EQ(world_->logged("broker_away"), 1U) << world_->log();
    EXPECT_EQ(world_->stop_daemon(), 0);
  }

  std::unique_ptr<Relay> relay_;
  std::unique_ptr<World> world_;
  TenantId tenant_;
  std::int64_t published_ = 0;
};

TEST_F(BrokerTls, WhatIsPublishedIsStored) {
  world_->start_daemon();
  tenant_ = world_->create_tenant("acme").id;
  publish(500);
  const auto large = "{\"large\":\"" + std::string(900'000, 'x') + "\"}";
  wire::PublishRequest request;
  request.payload = large;
  for (int i = 0; i < 5; ++i, ++published_) {
    const auto sent = world_->client().publish("acme", request);
    ASSERT_TRUE(sent.has_value()) << sent.error().error.message;
  }
  expect_nothing_lost();
  EXPECT_EQ(world_->stop_daemon(), 0);
  EXPECT_TRUE(eventually([&] { return world_->queues_empty(); })) << "all acknowledged";
}

TEST_F(BrokerTls, LostConnectionsAreMadeAgainAndNothingIsLost) {
  world_->start_daemon();
  tenant_ = world_->create_tenant("acme").id;
  for (int round = 1; round <= 3; ++round) {
    relay_->refuse();
    round == 1 ? relay_->cut() : relay_->reset();
    publish(200);
    for (const auto* link : kTlsLinks) ASSERT_TRUE(eventually([&] { return !world_->not_ready(link).empty(); }));
    relay_->accept();
    ASSERT_TRUE(links_up()) << world_->log();
  }
  expect_nothing_lost();
}

TEST_F(BrokerTls, ASilentBrokerIsNoticedByItsMissingHeartbeats) {
  world_->set("MTMSG_BROKER_HEARTBEAT", "1s");
  world_->start_daemon();
  tenant_ = world_->create_tenant("acme").id;
  relay_->freeze();
  publish(100);
  for (const auto* link : kTlsLinks) ASSERT_TRUE(eventually([&] { return !world_->not_ready(link).empty(); }));
  relay_->thaw();
  ASSERT_TRUE(links_up()) << world_->picture();
  expect_nothing_lost();
}

TEST_F(BrokerTls, ADaemonStopsWhileItsHandshakeHangs) {
  relay_->freeze();
  world_->launch_daemon();
  EXPECT_EQ(world_->stop_daemon(), 0);
}

TEST_F(BrokerTls, ACertificateOfAnUnknownCaIsRefusedAndSaid) {
  const CertificateAuthority stranger(world_->folder(), "stranger");
  world_->set("MTMSG_BROKER_TLS_CA", stranger.file());
  expect_away(AllOf(HasSubstr("of a CA that is not trusted"), HasSubstr(stranger.file())));
}

TEST_F(BrokerTls, ACertificateForAnotherNameIsRefusedAndSaid) {
  world_->set("MTMSG_BROKER_URL", by_another_name(relay_->url()));
  expect_away(HasSubstr("its certificate is not for the name"));
}

TEST_F(BrokerTls, APortForPlainTextIsSaid) {
  const Relay plain(broker_url());
  auto url = plain.url();
  world_->set("MTMSG_BROKER_URL", url.replace(0, url.find(':'), "amqps"));
  expect_away(HasSubstr("does not speak TLS"));
}

TEST_F(BrokerTls, PlainTextToAPortForTlsIsNoConnection) {
  auto url = relay_->url();
  world_->set("MTMSG_BROKER_URL", url.replace(0, url.find(':'), "amqp"));
  world_->unset("MTMSG_BROKER_TLS_CA");
  expect_away(HasSubstr("cannot log in"));
}

TEST_F(BrokerTls, TheClientsCertificateIsShown) {
  world_->set("MTMSG_BROKER_TLS_CERT", tls_file("client.pem"));
  world_->set("MTMSG_BROKER_TLS_KEY", tls_file("client.key"));
  world_->start_daemon();
  tenant_ = world_->create_tenant("acme").id;
  publish(10);
  expect_nothing_lost();
}

TEST_F(BrokerTls, AClientsCertificateThatTheBrokerDoesNotTrustIsSaid) {
  const CertificateAuthority stranger(world_->folder(), "stranger");
  const auto foreign = stranger.issue("foreign");
  world_->set("MTMSG_BROKER_TLS_CERT", foreign.certificate);
  world_->set("MTMSG_BROKER_TLS_KEY", foreign.key);
  expect_away(AllOf(HasSubstr("cannot log in"), HasSubstr("TLS: the other side does not")));
}

}  // namespace
}  // namespace mtmsg::test
