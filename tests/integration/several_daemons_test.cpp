// Two daemons on one database and one broker: a change made through one is the other's, too.

#include <gtest/gtest.h>
#include <signal.h>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

class SeveralDaemons : public testing::Test {
 protected:
  SeveralDaemons() {
    world_.start_daemon();
    peer_ = world_.start_peer();
  }
  bool has_consumers(TenantId tenant, std::uint32_t count, std::chrono::milliseconds limit = 10s) {
    return eventually(
        [&] {
          const auto queue = world_.queue(tenant);
          return queue && queue->consumers == count;
        },
        limit);
  }

  World world_;
  std::unique_ptr<Process> peer_;
};

TEST_F(SeveralDaemons, BothConsumeForATenantThatIsCreatedThroughOneOfThem) {
  const auto tenant = world_.create_tenant("acme").id;
  EXPECT_TRUE(has_consumers(tenant, 2)) << world_.picture() << peer_->output();
  // Nobody was in the other's way.
  EXPECT_EQ(peer_->output().find("tenant_delayed"), std::string::npos) << peer_->output();
}

TEST_F(SeveralDaemons, APauseReachesBothAndItsMessagesWaitUntilItIsResumed) {
  const auto tenant = world_.create_tenant("acme").id;
  ASSERT_TRUE(has_consumers(tenant, 2)) << world_.picture();
  world_.sql("update tenants set paused = true");
  ASSERT_TRUE(has_consumers(tenant, 0)) << world_.picture();
  foreign_publish(foreign_line(tenant, "1") + foreign_line(tenant, "2"));
  EXPECT_EQ(world_.queue(tenant)->ready, 2U);
  // Durable: a daemon that starts does not begin to consume.
  ASSERT_EQ(world_.stop_daemon(), 0);
  world_.start_daemon();
  EXPECT_EQ(world_.queue(tenant)->consumers, 0U);
  EXPECT_EQ(world_.stored(), 0);
  world_.sql("update tenants set paused = false");
  EXPECT_TRUE(has_consumers(tenant, 2)) << world_.picture();
  EXPECT_TRUE(eventually([&] { return world_.stored() == 2; })) << world_.picture();
}

TEST_F(SeveralDaemons, ADeleteWaitsUntilBothHaveLetGoAndLosesNothingOfTheNeighbour) {
  const auto tenant = world_.create_tenant("acme").id;
  const auto neighbour = world_.create_tenant("neighbour").id;
  ASSERT_TRUE(has_consumers(tenant, 2) && has_consumers(neighbour, 2)) << world_.picture();
  constexpr std::uint64_t kMessages = 4000;
  // Two publishers: the one whose exchange is deleted ends with it.
  const auto flood = foreign_flood(world_, {neighbour}, kMessages, 5);
  const auto doomed = foreign_flood(world_, {tenant}, kMessages, 6);
  ASSERT_TRUE(eventually([&] { return world_.stored() > 200; })) << world_.picture();
  const auto deleted = world_.client().delete_tenant("acme");
  ASSERT_TRUE(deleted.has_value()) << deleted.error().error.message;
  EXPECT_EQ(*deleted, client::Deletion::done);
  EXPECT_FALSE(world_.queue(tenant).has_value());
  EXPECT_EQ(world_.number("select count(*) from tenants where name = 'acme'"), 0);
  EXPECT_EQ(world_.number("select count(*) from tenant_releases"), 0);
  EXPECT_TRUE(eventually([&] {
    return world_.number("select count(*) from messages where tenant_id = '" + neighbour.to_string() + "'") ==
           static_cast<std::int64_t>(kMessages);
  })) << world_.picture();
  EXPECT_EQ(world_.gaps_and_doubles(), "");
  for (const auto& log : {world_.log(), peer_->output()}) EXPECT_EQ(log.find("missing"), std::string::npos) << log;
}

TEST_F(SeveralDaemons, ADeleteDoesNotWaitForOneThatIsFrozen) {
  const auto tenant = world_.create_tenant("acme").id;
  ASSERT_TRUE(has_consumers(tenant, 2)) << world_.picture();
  peer_->signal(SIGSTOP);
  const auto deleted = world_.client().delete_tenant("acme");
  ASSERT_TRUE(deleted.has_value()) << deleted.error().error.message;
  // Until it is known to be silent the delete is in progress; then it goes on by itself.
  EXPECT_TRUE(eventually([&] { return world_.number("select count(*) from tenants") == 0; }, 45s)) << world_.picture();
  EXPECT_FALSE(world_.queue(tenant).has_value());
  peer_->signal(SIGCONT);
  // It finds out, and lives on.
  const auto other = world_.create_tenant("other").id;
  EXPECT_TRUE(has_consumers(other, 2, 60s)) << peer_->output();
  EXPECT_FALSE(world_.queue(tenant).has_value()) << "it came back";
}

TEST_F(SeveralDaemons, ADeleteDoesNotWaitForOneThatCantUseTheDatabaseYet) {
  const auto tenant = world_.create_tenant("acme").id;
  ASSERT_TRUE(has_consumers(tenant, 2)) << world_.picture();
  peer_.reset();
  // As a daemon of the version before meets it after an upgrade.
  world_.sql("insert into schema_migrations (version, name, checksum) values (9999, 'later', '') returning 1");
  peer_ = world_.launch_peer();
  ASSERT_TRUE(eventually([&] { return peer_->output().find("store_not_ready") != std::string::npos; }))
      << peer_->output();
  // The first one was killed: it counts as alive until it has been silent for a while.
  ASSERT_TRUE(eventually([&] { return world_.client().delete_tenant("acme").has_value(); }));
  EXPECT_TRUE(eventually([&] { return world_.number("select count(*) from tenants") == 0; }, 30s)) << world_.picture();
}

TEST_F(SeveralDaemons, OneThatIsKilledIsNoLongerWaitedForAndTheOtherStoresOn) {
  const auto tenant = world_.create_tenant("acme").id;
  ASSERT_TRUE(has_consumers(tenant, 2)) << world_.picture();
  peer_->signal(SIGKILL);
  ASSERT_TRUE(peer_->wait(10s));
  foreign_publish(foreign_line(tenant, "1"));
  EXPECT_TRUE(eventually([&] { return world_.stored() == 1; })) << world_.picture();
  ASSERT_TRUE(world_.client().delete_tenant("acme").has_value());
  EXPECT_TRUE(eventually([&] { return world_.number("select count(*) from tenants") == 0; }, 45s)) << world_.picture();
}

TEST_F(SeveralDaemons, AChangeIsNoticedWithoutNotificationsToo) {
  // As behind a pooler: nobody's LISTEN lasts.
  world_.sql("drop trigger tenant_changed on tenants");
  const auto tenant = world_.create_tenant("acme").id;
  EXPECT_TRUE(has_consumers(tenant, 2, 45s)) << peer_->output();
}

}  // namespace
}  // namespace mtmsg::test
