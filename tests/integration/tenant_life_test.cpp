// The life of tenants beyond the plain case: deletes with conditions, long readers in the way, what was left behind.

#include <gtest/gtest.h>

#include "integration/support/database.hpp"
#include "store/tenant_store.hpp"
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
