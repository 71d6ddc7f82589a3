// The life of tenants beyond the plain case: deletes with conditions, long readers in the way, what was left behind.

#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "integration/support/database.hpp"
#include "store/tenant_store.hpp"
#include "support/raw_broker.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

class TenantLife : public testing::Test {
 protected:
  TenantLife() { world_.start_daemon(); }
  std::int64_t stored(TenantId tenant) {
    return world_.number("select count(*) from messages where tenant_id = '" + tenant.to_string() + "'");
  }
  void store(TenantId tenant, int count) {
    const auto before = stored(tenant);
    std::string lines;
    for (int i = 0; i < count; ++i) lines += foreign_line(tenant, "1");
    foreign_publish(lines);
    ASSERT_TRUE(eventually([&] { return stored(tenant) == before + count; })) << world_.picture();
  }
  bool gone(const std::string& name) {
    return eventually([&] { return world_.number("select count(*) from tenants where name = '" + name + "'") == 0; });
  }

  World world_;
};

TEST_F(TenantLife, ADeleteIfEmptyOfOneThatIsNotSparesItAndItTakesMessagesAgain) {
  const auto tenant = world_.create_tenant("acme").id;
  store(tenant, 1);
  world_.sql("update tenants set state = 'deleting', delete_if_empty = true");
  ASSERT_TRUE(eventually([&] { return world_.sql("select state || delete_if_empty from tenants") == "activefalse"; }))
      << world_.picture();
  EXPECT_EQ(world_.number("select count(*) from tenant_releases"), 0);
  store(tenant, 2);
}

TEST_F(TenantLife, ADeleteIfEmptySeesWhatOnlyWaits) {
  const auto tenant = world_.create_tenant("acme").id;
  world_.sql("update tenants set paused = true");
  ASSERT_TRUE(eventually([&] { return world_.queue(tenant)->consumers == 0; }));
  foreign_publish(foreign_line(tenant, "1"));
  world_.sql("update tenants set state = 'deleting', delete_if_empty = true");
  ASSERT_TRUE(eventually([&] { return world_.sql("select state from tenants") == "active"; })) << world_.picture();
  EXPECT_EQ(world_.queue(tenant)->ready, 1U);
}

TEST_F(TenantLife, ADeleteIfEmptyWaitsForWhatSomebodyElseHasInHand) {
  const auto tenant = world_.create_tenant("acme").id;
  world_.sql("update tenants set paused = true");
  ASSERT_TRUE(eventually([&] { return world_.queue(tenant)->consumers == 0; }));
  foreign_publish(foreign_line(tenant, "1"));
  {
    const RawConsumers stranger({broker::tenant_queue(tenant)}, 10);
    ASSERT_TRUE(eventually([&] { return world_.queue(tenant)->ready == 0; }));
    world_.sql("update tenants set state = 'deleting', delete_if_empty = true");
    ASSERT_TRUE(eventually([&] { return world_.logged("tenant_delayed", "still consumes") > 0; })) << world_.picture();
    EXPECT_TRUE(world_.queue(tenant).has_value());
  }
  ASSERT_TRUE(eventually([&] { return world_.sql("select state from tenants") == "active"; })) << world_.picture();
  EXPECT_EQ(world_.queue(tenant)->ready, 1U);
}

TEST_F(TenantLife, ADeleteIfEmptyOfOneThatIsDeletesIt) {
  const auto tenant = world_.create_tenant("acme").id;
  world_.sql("update tenants set state = 'deleting', delete_if_empty = true");
  EXPECT_TRUE(gone("acme")) << world_.picture();
  EXPECT_FALSE(world_.queue(tenant).has_value());
}

TEST_F(TenantLife, ADeleteThatKeepsMessagesLeavesTheTableUnderAnotherName) {
  const auto tenant = world_.create_tenant("acme").id;
  store(tenant, 3);
  world_.sql("update tenants set state = 'deleting', keep_messages = true");
  ASSERT_TRUE(gone("acme")) << world_.picture();
  EXPECT_EQ(world_.number("select count(*) from " + store::kept_table(tenant)), 3);
  EXPECT_EQ(world_.stored(), 0);
  // The name is free again, and what was kept is in nobody's way.
  const auto again = world_.create_tenant("acme").id;
  store(again, 1);
}

TEST_F(TenantLife, TheQueueOfAPausedTenantComesBack) {
  const auto tenant = world_.create_tenant("acme").id;
  ASSERT_TRUE(world_.client().pause_tenant("acme").has_value());
  world_.delete_queues();
  ASSERT_TRUE(world_.client().resume_tenant("acme").has_value()) << "whoever resumes it gets it back at once";
  store(tenant, 1);

  ASSERT_TRUE(world_.client().pause_tenant("acme").has_value());
  world_.delete_queues();
  ASSERT_EQ(world_.stop_daemon(), 0);
  world_.start_daemon();
  ASSERT_TRUE(eventually([&] { return world_.queue(tenant).has_value(); })) << "and whoever looks at all of them";
  foreign_publish(foreign_line(tenant, "1"));
  EXPECT_TRUE(eventually([&] { return world_.queue(tenant)->ready == 1; }));
}

TEST_F(TenantLife, ADeleteUnderWayCantBeMadeAnother) {
  const auto tenant = world_.create_tenant("acme").id;
  store(tenant, 1);
  SqlSession reader(world_.database_url());
  reader.run("begin isolation level repeatable read; select count(*) from messages");
  EXPECT_EQ(world_.client().delete_tenant("acme").value(), client::Deletion::in_progress);
  EXPECT_EQ(world_.client().delete_tenant("acme", {.keep_messages = true}).error().error.code, ErrorCode::conflict);
  const auto if_empty = world_.client().delete_tenant("acme", {.if_empty = true});
  EXPECT_EQ(if_empty.error().error.code, ErrorCode::conflict);
  EXPECT_NE(if_empty.error().error.message.find("being deleted already"), std::string::npos)
      << if_empty.error().error.message;
  EXPECT_EQ(world_.client().delete_tenant("acme").value(), client::Deletion::in_progress);
  reader.run("rollback");
  EXPECT_TRUE(gone("acme")) << world_.picture();
}

TEST_F(TenantLife, ALongReadKeepsTheReconcilerFromNobody) {
  for (int i = 0; i < 8; ++i) world_.create_tenant("doomed-" + std::to_string(i));
  const auto staying = world_.create_tenant("staying").id;
  SqlSession reader(world_.database_url());
  reader.run("begin isolation level repeatable read; select count(*) from messages");
  world_.sql("update tenants set state = 'deleting' where name like 'doomed%'");
  ASSERT_TRUE(eventually([&] { return world_.logged("tenant_delayed") >= 2; })) << world_.picture();
  const auto begin = std::chrono::steady_clock::now();
  world_.sql("update tenants set paused = true where name = 'staying'");
  ASSERT_TRUE(eventually([&] { return world_.queue(staying)->consumers == 0; }, 30s)) << world_.picture();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  reader.run("rollback");
  EXPECT_TRUE(eventually([&] { return world_.number("select count(*) from tenants") == 1; }, 60s)) << world_.picture();
}

TEST_F(TenantLife, ALongReadOfOneTenantHoldsUpNobodysCreateAndNobodysMessages) {
  std::vector<TenantId> others;
  for (const char* name : {"b", "c", "d"}) others.push_back(world_.create_tenant(name).id);
  const auto doomed = world_.create_tenant("doomed").id;
  for (const auto tenant : others) store(tenant, 1);

  SqlSession reader(world_.database_url());
  reader.run("begin isolation level repeatable read");
  reader.run("select count(*) from messages");  // so of the doomed one's branch, too

  const auto born = world_.create_tenant("born").id;
  store(born, 2);
  // The detach waits for the read, and says so.
  const auto deleted = world_.client().delete_tenant("doomed");
  ASSERT_TRUE(deleted.has_value()) << deleted.error().error.message;
  EXPECT_EQ(*deleted, client::Deletion::in_progress);
  EXPECT_FALSE(world_.queue(doomed).has_value());
  for (const auto tenant : others) store(tenant, 5);
  store(born, 5);
  EXPECT_EQ(world_.sql("select state from tenants where name = 'doomed'"), "deleting");

  reader.run("commit");
  EXPECT_TRUE(eventually([&] { return world_.number("select count(*) from tenants where name = 'doomed'") == 0; }, 60s))
      << world_.picture();
  EXPECT_EQ(world_.gaps_and_doubles(), "");
}

}  // namespace
}  // namespace mtmsg::test
