// What a tenant may keep, and what goes when it is too much or too old.

#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

std::string lines(TenantId tenant, int count, std::size_t bytes = 20) {
  std::string out;
  for (int i = 0; i < count; ++i) out += foreign_line(tenant, '"' + std::string(bytes - 2, 'x') + '"');
  return out;
}

class TenantLimitsTest : public testing::Test {
 protected:
  void publish(TenantId tenant, int count, std::size_t bytes = 20) {
    const auto before = world_.number(last_seq(tenant));
    foreign_publish(lines(tenant, count, bytes));
    ASSERT_TRUE(eventually([&] { return world_.number(last_seq(tenant)) == before + count; })) << world_.picture();
  }
  static std::string last_seq(TenantId tenant) {
    return "select last_seq from tenant_counters where tenant_id = '" + tenant.to_string() + "'";
  }
  std::int64_t counter(const std::string& column) {
    return world_.number("select " + column + " from tenant_counters");
  }

  World world_;
};

TEST_F(TenantLimitsTest, BytesStoredAreCountedAsTheyWereSent) {
  world_.start_daemon();
  const auto tenant = world_.create_tenant("acme").id;
  publish(tenant, 10, 100);
  const auto headers = world_.number("select octet_length(headers::text) from messages limit 1");
  EXPECT_NEAR(static_cast<double>(counter("stored_bytes")), 10.0 * static_cast<double>(100 + headers),
              10.0 * static_cast<double>(headers));
}

TEST_F(TenantLimitsTest, AFullTenantsMessagesWaitWhileItsNeighboursAreStoredAndFlowAgainWhenThereIsRoom) {
  world_.start_daemon();
  const auto full = world_.create_tenant("full", 1).id;
  const auto neighbour = world_.create_tenant("neighbour").id;
  world_.sql("update tenants set max_stored_bytes = 10000 where name = 'full'");
  publish(neighbour, 1);
  foreign_publish(lines(full, 50, 1000));
  ASSERT_TRUE(eventually([&] { return world_.logged("tenant_full") == 1; })) << world_.picture();
  ASSERT_TRUE(eventually([&] { return world_.queue(full)->consumers == 0; })) << world_.picture();
  const auto before = world_.number(last_seq(full));
  EXPECT_GE(before, 10);
  foreign_publish(lines(full, 5, 1000));
  publish(neighbour, 20);
  EXPECT_EQ(world_.number(last_seq(full)), before);
  EXPECT_GE(world_.queue(full)->ready, 5U);

  // It stays so over a restart, whatever the queue holds.
  ASSERT_EQ(world_.stop_daemon(), 0);
  world_.start_daemon();
  EXPECT_EQ(world_.queue(full)->consumers, 0U);
  EXPECT_EQ(world_.number(last_seq(full)), before);

  world_.sql("update tenants set max_stored_bytes = null where name = 'full'");
  EXPECT_TRUE(eventually([&] { return world_.number(last_seq(full)) == 55; }, 60s)) << world_.picture();
  EXPECT_EQ(world_.gaps_and_doubles(), "");
}

TEST_F(TenantLimitsTest, RetentionByNumberKeepsTheNewestAndAReaderIsTold) {
  world_.set("MTMSG_LIMITS_RETENTION_MESSAGES", "100");
  world_.start_daemon();
  const auto tenant = world_.create_tenant("acme").id;
  publish(tenant, 250);
  ASSERT_TRUE(eventually([&] { return world_.stored() == 100; }, 60s)) << world_.picture();
  EXPECT_EQ(world_.sql("select min(seq) || '..' || max(seq) from messages"), "151..250");
  EXPECT_EQ(counter("oldest_seq"), 151);
  const auto headers = world_.number("select octet_length(headers::text) from messages limit 1");
  EXPECT_NEAR(static_cast<double>(counter("stored_bytes")), 100.0 * static_cast<double>(20 + headers),
              100.0 * static_cast<double>(headers));
  // A cursor below the oldest kept number is told so; one at its edge is not.
  client::MessageQuery query;
  query.cursor = "10";
  const auto below = world_.client().messages("acme", query);
  ASSERT_TRUE(below.has_value());
  EXPECT_TRUE(below->page.tail.truncated);
  EXPECT_EQ(below->page.tail.next_cursor, "250");
  query.cursor = "150";
  EXPECT_FALSE(world_.client().messages("acme", query)->page.tail.truncated);
  publish(tenant, 10);
  EXPECT_EQ(world_.number(last_seq(tenant)), 260);
}

TEST_F(TenantLimitsTest, RetentionByAgeRemovesTheOldAndOnlyThose) {
  world_.start_daemon();
  const auto tenant = world_.create_tenant("acme").id;
  publish(tenant, 30);
  world_.sql("update messages set created_at = created_at - interval '2 days' where seq <= 12");
  world_.sql("update tenants set retention_seconds = 86400");
  ASSERT_TRUE(eventually([&] { return world_.stored() == 18; }, 60s)) << world_.picture();
  EXPECT_EQ(world_.number("select min(seq) from messages"), 13);
  EXPECT_EQ(counter("oldest_seq"), 13);
}

TEST_F(TenantLimitsTest, RetentionOfAWholeBacklogNeverHoldsUpAWriter) {
  world_.start_daemon();
  const auto tenant = world_.create_tenant("acme").id;
  publish(tenant, 1);
  world_.sql("insert into messages (tenant_id, seq, id, payload, headers, created_at) select '" + tenant.to_string() +
             "', n, gen_random_uuid(), '{}', '{}', now() from generate_series(2, 100000) n");
  world_.sql("update tenant_counters set last_seq = 100000");
  world_.sql("update tenants set retention_messages = 1000");
  std::int64_t most_ms = 0;
  int published = 0;
  ASSERT_TRUE(eventually(
      [&] {
        const auto before = std::chrono::steady_clock::now();
        publish(tenant, 1);
        ++published;
        const auto took = std::chrono::steady_clock::now() - before;
        most_ms = std::max<std::int64_t>(most_ms, std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
        return world_.stored() < 2000;
      },
      120s))
      << world_.picture();
  EXPECT_GT(published, 2);
  EXPECT_LT(most_ms, 5000) << "a message waited for the removal";
  EXPECT_EQ(world_.sql("select max(seq) - min(seq) + 1 = count(*) from messages"), "t");
}

TEST_F(TenantLimitsTest, AQueueLengthIsDeclaredWithTheQueueAndPublishersAreRefused) {
  world_.set("MTMSG_LIMITS_MAX_QUEUE_LENGTH", "10");
  world_.start_daemon();
  const auto tenant = world_.create_tenant("acme").id;
  world_.sql("update tenants set paused = true");
  ASSERT_TRUE(eventually([&] { return world_.queue(tenant)->consumers == 0; }));
  // The broker learns of the length late: a burst may pass it, what comes after is refused.
  try {
    foreign_publish(lines(tenant, 50));
  } catch (const std::runtime_error&) {
  }
  EXPECT_THROW(foreign_publish(lines(tenant, 50)), std::runtime_error) << "the broker took all of them";
  EXPECT_LT(world_.queue(tenant)->ready, 100U);
  // What the configuration says now does not matter to a queue that stands.
  world_.set("MTMSG_LIMITS_MAX_QUEUE_LENGTH", "20");
  world_.set("MTMSG_BROKER_DELIVERY_LIMIT", "7");
  world_.sql("update tenants set paused = false");
  ASSERT_EQ(world_.stop_daemon(), 0);
  world_.start_daemon();
  EXPECT_TRUE(eventually([&] { return world_.queue(tenant)->consumers == 1 && world_.stored() >= 10; }))
      << world_.picture();
  EXPECT_EQ(world_.log().find("PRECONDITION"), std::string::npos);
}

TEST_F(TenantLimitsTest, ATenantsOwnMaximumSizeMakesALargerMessageADeadLetter) {
  world_.start_daemon();
  const auto small = world_.create_tenant("small").id;
  const auto neighbour = world_.create_tenant("neighbour").id;
  world_.sql("update tenants set max_message_bytes = 500 where name = 'small'");
  ASSERT_TRUE(eventually([&] {
    foreign_publish(lines(small, 1, 501));
    return world_.number("select count(*) from dead_letters where reason = 'too_large'") > 0;
  })) << world_.picture();
  foreign_publish(lines(neighbour, 1, 5000));
  publish(small, 1, 499);
}

}  // namespace
}  // namespace mtmsg::test
