// A daemon dies after each step of creating and of deleting a tenant: the next one finishes it.

#include <cstdio>

#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "store/tenant_store.hpp"
#include "support/paths.hpp"
#include "support/sanitized.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

class TenantSteps : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime has to be loaded first";
  }

  /// From the next start on the daemon dies as soon as this step is done.
  void die_after(const std::string& step) {
    world_.set("LD_PRELOAD", MTMSG_LIBRARY_DIR "/libdies_at_line.so");
    world_.set("DIES_AT_LINE", "step=" + step);
    world_.set("MTMSG_LOG_LEVEL", "debug");
  }
  void live() {
    world_.unset("LD_PRELOAD");
    world_.unset("DIES_AT_LINE");
  }
  bool dies() {
    return eventually([this] { return !world_.daemon().running(); });
  }
  std::string state(const std::string& name) {
    return world_.sql("select coalesce((select state from tenants where name = '" + name + "'), 'gone')");
  }
  /// What stands at the moment, in words.
  std::string stands(const std::string& id) {
    auto compact = id;
    std::erase(compact, '-');
    std::string out = world_.sql("select state from tenants where id = '" + id + "'");
    if (world_.number("select count(*) from tenant_counters where tenant_id = '" + id + "'") > 0) out += ", counter";
    if (world_.sql("select to_regclass('messages_" + compact + "') is not null") == "t") out += ", partition";
    return out;
  }

  World world_;
};

TEST_F(TenantSteps, OfACreateThatCrashesAnywhereAreFinishedByTheNextDaemon) {
  std::printf("%-18s | %-40s | %s\n", "crash after", "what stood then", "in the end");
  for (const std::string step : {"ensure_partition", "declare_topology", "serve", "mark_active"}) {
    SCOPED_TRACE(step);
    auto name = step;
    std::replace(name.begin(), name.end(), '_', '-');
    die_after(step);
    world_.start_daemon();
    EXPECT_TRUE(world_.client().create_tenant({name, {}}).has_error());
    ASSERT_TRUE(dies());
    const auto id = world_.sql("select id from tenants where name = '" + name + "'");
    const auto then = stands(id);

    live();
    world_.start_daemon();
    ASSERT_TRUE(eventually([&] { return state(name) == "active"; })) << world_.picture();
    const auto tenant = TenantId::parse(id).value();
    foreign_publish(foreign_line(tenant, "1") + foreign_line(tenant, "2"));
    ASSERT_TRUE(eventually([&] {
      return world_.number("select count(*) from messages where tenant_id = '" + id + "'") == 2;
    })) << world_.picture();
    std::printf("%-18s | %-40s | %s, takes messages\n", step.c_str(), then.c_str(), stands(id).c_str());
    world_.adopt(tenant);
    ASSERT_EQ(world_.stop_daemon(), 0);
  }
}

TEST_F(TenantSteps, OfADeleteThatCrashesAnywhereAreFinishedByTheNextDaemon) {
  std::printf("%-18s | %-40s | %s\n", "crash after", "what stood then", "in the end");
  for (const std::string step : {"stop_consumer", "release", "await_others", "check_empty", "delete_topology",
                                 "remove_counter", "drop_partition", "keep_partition", "remove_row"}) {
    SCOPED_TRACE(step);
    auto name = step;
    std::replace(name.begin(), name.end(), '_', '-');
    live();
    world_.start_daemon();
    const auto tenant = world_.create_tenant(name);
    client::DeletionOptions how;
    how.if_empty = step == "check_empty";
    how.keep_messages = step == "keep_partition";
    if (!how.if_empty) {
      foreign_publish(foreign_line(tenant.id, "1") + foreign_line(tenant.id, "2"));
      ASSERT_TRUE(eventually([&] { return world_.stored() == 2; })) << world_.picture();
    }
    ASSERT_EQ(world_.stop_daemon(), 0);

    die_after(step);
    world_.start_daemon();
    EXPECT_TRUE(world_.client().delete_tenant(name, how).has_error());
    ASSERT_TRUE(dies());
    const auto then = stands(tenant.id.to_string());

    live();
    world_.start_daemon();
    ASSERT_TRUE(eventually([&] { return state(name) == "gone"; })) << world_.picture();
    EXPECT_EQ(stands(tenant.id.to_string()), "");
    EXPECT_EQ(world_.number("select count(*) from tenant_releases"), 0);
    EXPECT_EQ(world_.stored(), 0);
    EXPECT_FALSE(world_.queue(tenant.id).has_value());
    if (how.keep_messages) {
      EXPECT_EQ(world_.number("select count(*) from " + store::kept_table(tenant.id)), 2);
    }
    std::printf("%-18s | %-40s | %s\n", step.c_str(), then.empty() ? "nothing" : then.c_str(),
                how.keep_messages ? "only what was to be kept" : "nothing left");
    ASSERT_EQ(world_.stop_daemon(), 0);
  }
}

}  // namespace
}  // namespace mtmsg::test
