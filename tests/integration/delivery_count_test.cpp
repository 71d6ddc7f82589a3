// Every delivery without an answer counts against its message at the broker. The count is a net and no verdict: what is
// cut off again and again while nothing can be stored is no dead letter in the end.

#include <gtest/gtest.h>

#include "support/relay.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

class DeliveryCount : public testing::Test {
 protected:
  DeliveryCount() {
    world_.set("MTMSG_DATABASE_URL", postgres_.through(world_.database_url()));
    world_.set("MTMSG_BROKER_URL", rabbitmq_.url());
    world_.start_daemon();
    tenant_ = world_.create_tenant("acme", 4).id;
  }
  void publish(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += foreign_line(tenant_, "1", Uuid::v4().to_string());
    foreign_publish(lines);
    published_ += count;
  }
  std::uint64_t unacked() {
    const auto status = world_.client().status();
    return status ? status->pipeline.unacked : 0;
  }
  void cut_the_broker_off() {
    const auto before = world_.logged("broker_connected");
    rabbitmq_.cut();
    ASSERT_TRUE(eventually([&] { return world_.logged("broker_connected") > before; })) << world_.log();
  }
  void expect_all_stored_and_no_dead_letter() {
    EXPECT_TRUE(eventually([&] { return world_.stored() >= published_; }, 60s)) << world_.picture();
    EXPECT_EQ(world_.stored(), published_);
    EXPECT_EQ(world_.number("select count(*) from dead_letters"), 0);
    EXPECT_EQ(world_.dead_letter_queue_depth(), 0U);
    EXPECT_EQ(world_.gaps_and_doubles(), "");
  }

  Relay postgres_{server_database_url()};
  Relay rabbitmq_{broker_url()};
  World world_;
  TenantId tenant_;
  int published_ = 0;
};

TEST_F(DeliveryCount, ThirtyKillsAndThirtyCutsWithTheDatabaseAwayLeaveNoDeadLetter) {
  publish(100);
  ASSERT_TRUE(eventually([&] { return world_.stored() == published_; }));
  postgres_.refuse();
  postgres_.cut();
  publish(1'000);
  ASSERT_TRUE(eventually([&] { return unacked() == 1'000; })) << "prefetched: " << world_.picture();
  for (int i = 0; i < 30; ++i) cut_the_broker_off();
  for (int i = 0; i < 30; ++i) {
    world_.kill_daemon();
    world_.launch_daemon();
  }
  postgres_.accept();
  expect_all_stored_and_no_dead_letter();
  EXPECT_TRUE(eventually([&] { return world_.ready(); })) << world_.log();
}

// The harsher case: the database comes and goes, so that consumers begin each time.
TEST_F(DeliveryCount, CutsAndKillsWhileTheDatabaseIsSilentLeaveNoDeadLetter) {
  publish(100);
  ASSERT_TRUE(eventually([&] { return world_.stored() == published_; }));
  publish(500);
  for (int i = 0; i < 10; ++i) {
    postgres_.freeze();
    publish(20);
    cut_the_broker_off();
    postgres_.thaw();
    cut_the_broker_off();
    postgres_.freeze();
    world_.kill_daemon();
    postgres_.thaw();
    world_.start_daemon();
    cut_the_broker_off();
  }
  expect_all_stored_and_no_dead_letter();
}

}  // namespace
}  // namespace mtmsg::test
