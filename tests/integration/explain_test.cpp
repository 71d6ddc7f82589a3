// Why a tenant's messages don't arrive, asked of a real daemon while they really don't.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "broker/topology.hpp"
#include "support/raw_broker.hpp"
#include "support/relay.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Explain : public testing::Test {
 protected:
  explicit Explain(Settings settings = {}) : world_(std::move(settings)) {}
  void start() {
    world_.start_daemon();
    tenant_ = world_.create_tenant("acme", 3).id;
  }
  void publish(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += foreign_line(tenant_, "{}", Uuid::v4().to_string());
    foreign_publish(lines);
  }
  /// Its codes, with blanks between them; why not, if it does not answer.
  std::string codes() {
    const auto seen = world_.client().explain("acme");
    if (!seen) return seen.error().error.message;
    seen_ = *seen;
    std::string all;
    for (const auto& finding : seen->findings) all += (all.empty() ? "" : " ") + finding.code;
    return all;
  }
  bool says(const std::string& codes_wanted, std::chrono::milliseconds limit = 20s) {
    return eventually([&] { return codes() == codes_wanted; }, limit);
  }
  std::string what() const { return seen_.findings.empty() ? "" : seen_.findings.front().what; }

  World world_;
  TenantId tenant_;
  wire::Explanation seen_;
};

TEST_F(Explain, FollowsATenantFromItsFirstMessageOverAPauseToAllIsWell) {
  start();
  EXPECT_EQ(codes(), "nothing_came");
  ASSERT_TRUE(world_.client().pause_tenant("acme").has_value());
  publish(30);
  ASSERT_TRUE(eventually([&] { return codes() == "paused" && what().find("30 messages wait") != std::string::npos; }))
      << what();
  EXPECT_EQ(seen_.verdict, "blocked");
  ASSERT_TRUE(world_.client().resume_tenant("acme").has_value());
  EXPECT_TRUE(eventually([&] { return codes() == "well" && seen_.messages == 30; }, 20s)) << codes();
  EXPECT_TRUE(seen_.last_stored_at.has_value());
  foreign_publish(foreign_line(tenant_, "no json", "poison"));
  EXPECT_TRUE(says("dead_letters well")) << codes();
}

TEST_F(Explain, NamesTheDatabaseWhileItIsAwayAndStillKnowsTheTenant) {
  start();
  {
    const World::DatabaseAway away(world_);
    ASSERT_TRUE(says("database_away")) << codes();
    EXPECT_FALSE(seen_.messages.has_value());
    EXPECT_TRUE(seen_.queue.has_value()) << "RabbitMQ can still be asked";
    EXPECT_FALSE(world_.client().tenant("acme").has_value()) << "or this test proves nothing";
  }
  EXPECT_TRUE(says("nothing_came")) << codes();
}

TEST_F(Explain, NamesWhoeverHoldsALockOnItsRows) {
  start();
  {
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters where tenant_id = '" + tenant_.to_string() + "' for update");
    publish(5);
    ASSERT_TRUE(says("held", 60s)) << codes();
  }
  EXPECT_TRUE(says("well")) << codes();
}

TEST_F(Explain, NamesAQueueThatIsGoneUntilItIsBack) {
  start();
  ASSERT_TRUE(world_.client().pause_tenant("acme").has_value());  // nobody consumes, so nobody hears of it at once
  delete_from_broker(broker::tenant_queue(tenant_), broker::tenant_exchange(tenant_));
  ASSERT_TRUE(says("paused queue_missing")) << codes();
  ASSERT_TRUE(world_.client().resume_tenant("acme").has_value());
  EXPECT_TRUE(says("nothing_came")) << codes();
}

TEST_F(Explain, NamesAFullTenantAndAFullQueue) {
  world_.start_daemon();
  NewTenant request{"acme", 3};
  request.limits[Limit::max_stored_bytes] = 1;
  request.limits[Limit::max_queue_length] = 4;
  tenant_ = world_.client().create_tenant(request)->id;
  world_.adopt(tenant_);
  publish(1);
  ASSERT_TRUE(says("full")) << codes();
  wire::PublishRequest message;
  message.payload = "{}";
  while (world_.client().publish("acme", message).has_value()) {
  }
  EXPECT_TRUE(says("full queue_full")) << codes();
}

class ExplainWithARelay : public Explain {
 protected:
  ExplainWithARelay() { world_.set("MTMSG_BROKER_URL", relay_.url()); }
  Relay relay_{broker_url()};
};

TEST_F(ExplainWithARelay, NamesTheBrokerWhileItIsAway) {
  start();
  relay_.refuse();
  relay_.cut();
  ASSERT_TRUE(says("broker_away")) << codes();
  EXPECT_FALSE(seen_.queue.has_value());
  EXPECT_FALSE(seen_.consuming);
  relay_.accept();
  EXPECT_TRUE(says("nothing_came", 60s)) << codes();
}

class ExplainClassicQueues : public Explain {
 protected:
  ExplainClassicQueues() : Explain(Settings{{"MTMSG_BROKER_QUEUE_TYPE", "classic"}}) {}
};

TEST_F(ExplainClassicQueues, NamesAConsumerThatRabbitMqRefuses) {
  start();
  ASSERT_TRUE(world_.client().pause_tenant("acme").has_value());
  publish(3);
  auto stranger = std::make_unique<RawConsumers>(std::vector{broker::tenant_queue(tenant_)}, std::uint16_t{1},
                                                 RawConsumers::Share::exclusive);
  EXPECT_TRUE(world_.client().resume_tenant("acme").has_error());
  ASSERT_TRUE(says("no_consumer")) << codes();
  EXPECT_THAT(what(), HasSubstr("exclusive"));
  stranger.reset();
  EXPECT_TRUE(says("well", 60s)) << codes();
}

TEST_F(Explain, SaysHowLongABacklogTakesWhileItDrains) {
  start();
  ASSERT_TRUE(world_.client().set_concurrency("acme", 1).has_value());
  ASSERT_TRUE(world_.client().pause_tenant("acme").has_value());
  ASSERT_EQ(foreign_flood(world_, {tenant_}, 20'000, 1)->wait(120s), 0);
  ASSERT_TRUE(world_.client().resume_tenant("acme").has_value());
  bool draining = false;
  while (!draining && world_.stored() < 20'000) {
    codes();
    draining = seen_.findings.front().code == "draining" && what().find("a second are stored") != std::string::npos;
  }
  EXPECT_TRUE(draining) << what();
  EXPECT_TRUE(says("well")) << codes();
}

}  // namespace
}  // namespace mtmsg::test
