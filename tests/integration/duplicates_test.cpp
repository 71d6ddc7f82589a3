// The same message more than once, in every way it can come: stored once, numbers without holes, and counted.

#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <signal.h>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

std::string repeated(const std::string& line, int times) {
  std::string lines;
  for (int i = 0; i < times; ++i) lines += line;
  return lines;
}

void expect_counted(World& world, std::int64_t stored, std::int64_t duplicates) {
  EXPECT_TRUE(eventually([&] {
    return world.stored() == stored && world.metric("mtmsg_duplicates_suppressed_total") == duplicates;
  })) << world.metric("mtmsg_duplicates_suppressed_total")
      << " duplicates suppressed; " << world.picture();
  EXPECT_EQ(world.metric("mtmsg_messages_stored_total"), stored);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
}

TEST(Duplicates, OfOneBatchAreStoredOnce) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  // A consumer takes one message at a time until one has come through its channel.
  foreign_publish(foreign_line(tenant, "0", "order-0"));
  ASSERT_TRUE(eventually([&] { return world.stored() == 1; }));
  {
    pqxx::connection connection(world.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    foreign_publish(foreign_line(tenant, "0"));  // the writer waits with this one, and the next batch gathers
    ASSERT_TRUE(eventually([&] { return world.client().tenant("acme")->activity.unacked == 1; }));
    foreign_publish(repeated(foreign_line(tenant, "1", "order-1"), 5) + foreign_line(tenant, "2", "order-2"));
    ASSERT_TRUE(eventually([&] { return world.client().tenant("acme")->activity.waiting == 6; }));
  }
  expect_counted(world, 4, 4);
}

TEST(Duplicates, OfDifferentBatchesAndDaemonsLifetimesAreStoredOnce) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  for (int round = 0; round < 3; ++round) {
    foreign_publish(foreign_line(tenant, "1", "order-1"));
    expect_counted(world, 1, round);
  }
  EXPECT_EQ(world.stop_daemon(), 0);
  world.start_daemon();
  foreign_publish(foreign_line(tenant, "1", "order-1") + foreign_line(tenant, "2", "order-2"));
  EXPECT_TRUE(eventually([&] { return world.stored() == 2; })) << world.picture();
  EXPECT_EQ(world.metric("mtmsg_duplicates_suppressed_total"), 1);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(Duplicates, OfDifferentTenantsAreDifferentMessages) {
  World world;
  world.start_daemon();
  const auto id = Uuid::v4().to_string();
  foreign_publish(foreign_line(world.create_tenant("a").id, "1", id) +
                  foreign_line(world.create_tenant("b").id, "1", id));
  expect_counted(world, 2, 0);
}

TEST(Duplicates, WithoutAnIdAreStoredEachAndCountedAsSuch) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  foreign_publish(repeated(foreign_line(tenant, "1"), 3) + foreign_line(tenant, "1", "order-1"));
  expect_counted(world, 4, 0);
  EXPECT_EQ(world.metric("mtmsg_messages_without_id_total"), 3);
}

TEST(Duplicates, AtTwoDaemonsAtTheSameTimeAreStoredOnce) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  const auto peer = world.start_peer();
  std::string lines;
  constexpr int kIds = 1'000;
  for (int i = 0; i < 3 * kIds; ++i) lines += foreign_line(tenant, "1", "order-" + std::to_string(i % kIds));
  foreign_publish(lines);
  ASSERT_TRUE(eventually([&] { return world.stored() >= kIds && world.queues_empty(); })) << world.picture();
  // Both had their share.
  EXPECT_TRUE(eventually([&] { return world.client().status()->pipeline.unacked == 0; }));
  const auto here = world.metric("mtmsg_messages_stored_total") + world.metric("mtmsg_duplicates_suppressed_total");
  EXPECT_GT(here, 0);
  EXPECT_LT(here, 3 * kIds);
  peer->signal(SIGTERM);
  EXPECT_EQ(peer->wait(30s), 0) << peer->output();
  EXPECT_EQ(world.stored(), kIds);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
}

TEST(Duplicates, FromADaemonThatWasKilledAreStoredOnceByItsPeer) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme", 8).id;
  const auto peer = world.start_peer();
  constexpr std::int64_t kMessages = 8'000;
  const auto flood = foreign_flood(world, {tenant}, kMessages, 31);
  ASSERT_TRUE(eventually([&] { return world.stored() >= 2'000; }));
  peer->signal(SIGKILL);
  ASSERT_EQ(flood->wait(60s), 0) << flood->output();
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; })) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
}

}  // namespace
}  // namespace mtmsg::test
