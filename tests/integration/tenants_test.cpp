// The life of tenants with a real daemon, a real RabbitMQ and a real PostgreSQL.

#include <thread>

#include <gtest/gtest.h>

#include "broker/control.hpp"
#include "broker/topology.hpp"
#include "support/raw_broker.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

std::string partitions(const World& world) {
  return world.sql("select count(*) from pg_partition_tree('messages') where isleaf");
}

/// The broker's view, by a connection of the test's own.
class Broker {
 public:
  Broker() : control_(options(), broker::TopologyOptions{}) {
    control_.start();
    eventually([this] { return control_.status().connected; });
  }
  bool has_queue(TenantId tenant) { return control_.depth(tenant).has_value(); }
  std::uint64_t ready(TenantId tenant) { return control_.depth(tenant).value().ready; }
  std::uint32_t consumers(TenantId tenant) { return control_.depth(tenant).value().consumers; }
  void delete_by_hand(TenantId tenant) { control_.delete_tenant(tenant).value(); }

 private:
  static broker::ConnectOptions options() {
    broker::ConnectOptions options;
    options.url = broker_url();
    return options;
  }
  broker::Control control_;
};

TEST(Tenants, ACreatedTenantCanTakeMessagesWhenTheAnswerComes) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  EXPECT_EQ(tenant.state, TenantState::active);
  EXPECT_EQ(tenant.workers, 3U);
  EXPECT_EQ(partitions(world), "1");
  Broker broker;
  EXPECT_EQ(broker.consumers(tenant.id), 1U);
  const auto view = world.client().tenant("acme");
  ASSERT_TRUE(view.has_value());
  EXPECT_TRUE(view->activity.consuming);
  EXPECT_EQ(world.client().tenants()->size(), 1U);
}

TEST(Tenants, TheSameNameTwiceIsAConflictThatNamesTheExistingId) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  const auto again = world.client().create_tenant({"acme", {}});
  ASSERT_TRUE(again.has_error());
  EXPECT_EQ(again.error().error.code, ErrorCode::conflict);
  EXPECT_NE(again.error().error.message.find(tenant.id.to_string()), std::string::npos);
}

TEST(Tenants, BadNamesAndWorkersChangeNothing) {
  World world;
  world.start_daemon();
  const std::vector<std::string> names = {
      "", "Acme", "a_b", "acme-", std::string(64, 'a'), "0190f3c8-0000-7000-8000-000000000001"};
  for (const auto& name : names) {
    const auto refused = world.client().create_tenant({name, {}});
    ASSERT_TRUE(refused.has_error()) << name;
    EXPECT_EQ(refused.error().error.code, ErrorCode::invalid_argument) << name;
  }
  for (const unsigned workers : {0U, 65U, 100000U}) {
    EXPECT_EQ(world.client().create_tenant({"acme", workers}).error().error.code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(world.number("select count(*) from tenants"), 0);
  const auto tenant = world.create_tenant("acme");
  for (const unsigned workers : {0U, 65U}) {
    EXPECT_EQ(world.client().set_concurrency("acme", workers).error().error.code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(*world.client().concurrency("acme"), 3U);
}

TEST(Tenants, ADeletedTenantLeavesNothingBehind) {
  World world;
  world.start_daemon();
  const auto kept = world.create_tenant("kept");
  const auto tenant = world.create_tenant("acme");
  wire::PublishRequest request;
  request.payload = "{}";
  ASSERT_TRUE(world.client().publish("acme", request).has_value());
  ASSERT_TRUE(world.client().publish("kept", request).has_value());
  ASSERT_TRUE(eventually([&] { return world.stored() == 2; }));
  const auto deleted = world.client().delete_tenant("acme");
  ASSERT_TRUE(deleted.has_value()) << deleted.error().error.message;
  EXPECT_EQ(*deleted, client::Deletion::done);
  EXPECT_EQ(partitions(world), "1");
  EXPECT_EQ(world.number("select count(*) from tenants"), 1);
  EXPECT_EQ(world.number("select count(*) from tenant_counters"), 1);
  Broker broker;
  EXPECT_FALSE(broker.has_queue(tenant.id));
  EXPECT_TRUE(broker.has_queue(kept.id));
  EXPECT_EQ(world.client().tenant("acme").error().error.code, ErrorCode::not_found);
  EXPECT_EQ(world.client().messages("acme", {}).error().error.code, ErrorCode::not_found);
  EXPECT_EQ(world.stored(), 1);
  world.create_tenant("acme");
}

TEST(Tenants, DeletingUnderLoadDoesNotDisturbTheNeighbour) {
  World world;
  world.start_daemon();
  const auto kept = world.create_tenant("kept");
  const auto tenant = world.create_tenant("acme");
  constexpr std::int64_t kMessages = 8'000;
  const auto flood = foreign_flood(world, {kept.id}, kMessages, 1);
  const auto doomed = foreign_flood(world, {tenant.id}, kMessages, 2);
  ASSERT_TRUE(eventually([&] { return world.stored() >= 1'000; }));
  ASSERT_TRUE(world.client().delete_tenant("acme").has_value());
  ASSERT_EQ(flood->wait(std::chrono::seconds(60)), 0);
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; })) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(Tenants, ARestartBringsEveryConsumerBack) {
  World world;
  world.start_daemon();
  std::vector<Tenant> tenants;
  for (int i = 0; i < 20; ++i)
    tenants.push_back(world.create_tenant("t" + std::to_string(i), 1 + static_cast<unsigned>(i)));
  ASSERT_EQ(world.stop_daemon(), 0) << world.picture();
  Broker broker;
  for (const auto& tenant : tenants) EXPECT_EQ(broker.consumers(tenant.id), 0U);
  world.start_daemon();
  for (const auto& tenant : tenants) {
    EXPECT_TRUE(eventually([&] { return broker.consumers(tenant.id) == 1; })) << tenant.name;
    EXPECT_EQ(*world.client().concurrency(tenant.name), tenant.workers);
  }
}

TEST(Tenants, AQueueDeletedByHandComesBack) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  Broker broker;
  broker.delete_by_hand(tenant.id);
  ASSERT_TRUE(eventually([&] { return broker.has_queue(tenant.id) && broker.consumers(tenant.id) == 1; }))
      << world.picture();
  // basic.cancel said so, and nobody but this tenant was bothered.
  EXPECT_EQ(world.logged("consumer_lost", "cancelled the consumer"), 1U) << world.log();
  EXPECT_EQ(world.logged("broker_away"), 0U) << world.log();
  wire::PublishRequest request;
  request.payload = "{}";
  ASSERT_TRUE(eventually([&] { return world.client().publish("acme", request).has_value(); }));
  EXPECT_TRUE(eventually([&] { return world.stored() >= 1; }));
}

TEST(Tenants, AConsumerThatIsRefusedAgainAndAgainIsSaidOnce) {
  World world(Settings{{"MTMSG_BROKER_QUEUE_TYPE", "classic"}});  // quorum queues take no exclusive consumers
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_TRUE(world.client().pause_tenant("acme").has_value());
  {
    const RawConsumers stranger({broker::tenant_queue(tenant.id)}, 1, RawConsumers::Share::exclusive);
    EXPECT_TRUE(world.client().resume_tenant("acme").has_error());
    ASSERT_TRUE(eventually([&] { return world.logged("tenant_delayed") == 1; })) << world.log();
    std::this_thread::sleep_for(std::chrono::seconds(3));  // several tries
    EXPECT_EQ(world.logged("consumer_lost"), 1U) << world.log();
    EXPECT_EQ(world.logged("tenant_delayed"), 1U) << world.log();
  }
  EXPECT_TRUE(eventually([&] { return world.queue(tenant.id)->consumers == 1; }, std::chrono::seconds(40)))
      << world.picture();
  EXPECT_EQ(world.logged("tenant_repaired"), 1U) << world.log();
}

TEST(Tenants, AMissingPartitionIsMadeAgainAndNoMessageIsBlamedForIt) {
  World world;
  world.start_daemon();
  const auto kept = world.create_tenant("kept");
  const auto tenant = world.create_tenant("acme");
  auto partition = tenant.id.to_string();
  std::erase(partition, '-');
  world.sql("drop table messages_" + partition);
  constexpr std::int64_t kMessages = 2'000;
  const auto flood = foreign_flood(world, {kept.id, tenant.id}, kMessages, 9);
  ASSERT_EQ(flood->wait(std::chrono::seconds(60)), 0) << flood->output();
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; })) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(Tenants, MigrationsOffMeansTheDaemonRunsAndSaysWhatIsMissing) {
  World world(Settings{{"MTMSG_DATABASE_AUTO_MIGRATE", "false"}});
  EXPECT_THROW(
      {
        // Not ready, so start_daemon() gives up; it runs all the same.
        world.start_daemon(std::chrono::seconds(3));
      },
      std::runtime_error);
  ASSERT_TRUE(world.daemon().running()) << world.picture();
  const auto status = world.client().status();
  ASSERT_TRUE(status.has_value());
  EXPECT_FALSE(status->readiness.ready);
  bool named = false;
  for (const auto& part : status->readiness.parts)
    named = named || part.reason.find("tenants_and_messages") != std::string::npos;
  EXPECT_TRUE(named) << world.picture();
  const auto migrated = run({mtmsgctl_path(), "--endpoint", world.endpoint(), "migrate", "up"});
  EXPECT_EQ(migrated.exit_code, 0) << migrated.err;
  EXPECT_TRUE(eventually([&] { return world.client().status()->readiness.ready; })) << world.picture();
  world.create_tenant("acme");
}

}  // namespace
}  // namespace mtmsg::test
