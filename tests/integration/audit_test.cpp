// The audit log and erasing, with a real daemon.

#include "wire/audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AuditLogTest : public testing::Test {
 protected:
  AuditLogTest() { world_.start_daemon(); }
  std::vector<AuditEntry> entries(const AuditQuery& query = {}) {
    const auto fetched = world_.client().audit(query).value();
    std::vector<AuditEntry> all;
    for (const auto row : fetched.page.rows) all.push_back(wire::read_audit_entry(row).value());
    return all;
  }
  World world_;
};

TEST_F(AuditLogTest, HasWhoAskedOverTheSocketAndWhatFor) {
  const auto tenant = world_.create_tenant("acme");
  ASSERT_TRUE(world_.client().set_concurrency("acme", 4));
  EXPECT_FALSE(world_.client().set_concurrency("acme", 100'000));
  const auto all = entries();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].action, "tenant.create");
  EXPECT_EQ(all[0].tenant, tenant.id);
  EXPECT_EQ(all[1].detail, R"({"workers": 4})");
  EXPECT_EQ(all[2].code, "invalid_argument");
  for (const auto& entry : all) {
    EXPECT_EQ(entry.peer, "unix");
    EXPECT_EQ(entry.uid, ::getuid());
    EXPECT_EQ(entry.pid, ::getpid());
    EXPECT_EQ(entry.subject, "unix:uid=" + std::to_string(::getuid()));
  }
  EXPECT_EQ(world_.logged("change", "action=tenant.create"), 1U) << world_.log();
}

TEST_F(AuditLogTest, OutlivesItsTenantAndSaysWhatItWasCalled) {
  world_.create_tenant("acme");
  ASSERT_TRUE(world_.client().delete_tenant("acme"));
  AuditQuery query;
  query.tenant = "acme";
  query.order = AuditOrder::newest_first;
  const auto all = entries(query);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].action, "tenant.delete");
  EXPECT_EQ(all[0].tenant_name, "acme");
}

TEST_F(AuditLogTest, IsInTheDaemonsLogWhereTheDatabaseCannotTakeIt) {
  world_.create_tenant("acme");
  {
    const World::DatabaseAway away(world_);
    EXPECT_FALSE(world_.client().create_tenant({"other", {}}));
  }
  EXPECT_EQ(world_.logged("change_unaudited", "action=tenant.create"), 1U) << world_.log();
}

TEST_F(AuditLogTest, LosesWhatIsOlderThanItsDays) {
  world_.create_tenant("acme");
  world_.sql("update audit_log set at = at - interval '400 days'");
  ASSERT_EQ(world_.stop_daemon(), 0);
  world_.start_daemon();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (world_.number("select count(*) from audit_log") > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(world_.number("select count(*) from audit_log"), 0);
}

TEST_F(AuditLogTest, HasTheErasureAndNotWhatWasErased) {
  const auto tenant = world_.create_tenant("acme");
  const auto id = Uuid::v7().to_string();
  const auto publish = [&] { foreign_publish(foreign_line(tenant.id, R"({"secret":1})", id)); };
  const auto wait_for = [&](const std::string& query, std::int64_t value) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (world_.number(query) != value && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(world_.number(query), value) << query;
  };
  publish();
  wait_for("select count(*) from messages", 1);
  ASSERT_TRUE(world_.client().erase_message("acme", id));
  EXPECT_THAT(world_.client().message("acme", id).value(), HasSubstr(R"("payload":null,"headers":null)"));
  const auto entry = entries().back();
  EXPECT_EQ(entry.action, "message.erase");
  EXPECT_THAT(entry.detail, HasSubstr(id));

  publish();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (world_.metric("mtmsg_duplicates_suppressed_total") < 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(world_.number("select count(*) from messages where payload is not null"), 0) << "still erased";
  EXPECT_EQ(world_.stored(), 1);
}

}  // namespace
}  // namespace mtmsg::test
