// The daemon is told to stop while broker or database are away: it ends in time, says what it left, and loses nothing.

#include <thread>

#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <signal.h>

#include "support/relay.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

/// A daemon with relays on both sides, and a second to stop.
class Stop : public testing::Test {
 protected:
  Stop() : world_({{"MTMSG_BROKER_URL", broker_.url()}, {"MTMSG_SHUTDOWN_TIMEOUT", "1s"}}) {
    world_.set("MTMSG_DATABASE_URL", database_.through(world_.database_url()));
    world_.start_daemon();
    tenant_ = world_.create_tenant("acme").id;
    // A consumer takes one message at a time until one has come through its channel.
    publish(1);
    EXPECT_TRUE(eventually([&] { return world_.stored() == 1 && world_.client().status()->pipeline.unacked == 0; }));
  }
  void publish(std::int64_t count) {
    std::string lines;
    for (std::int64_t i = 0; i < count; ++i) lines += foreign_line(tenant_, "1", Uuid::v4().to_string());
    foreign_publish(lines);
    published_ += count;
  }
  bool in_hand(std::uint64_t count) {
    return eventually([&] { return world_.client().status()->pipeline.unacked == count; });
  }
  /// SIGTERM; how long it took to end with exit code 0.
  std::chrono::milliseconds stop() {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(world_.stop_daemon(), 0) << world_.log();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  }
  /// The number of KEY=NUMBER in the closing report.
  std::int64_t reported(const std::string& key) const {
    const auto log = world_.log();
    const auto at = log.rfind(" " + key + "=");
    return at == std::string::npos ? -1 : std::stoll(log.substr(at + key.size() + 2));
  }
  void mend_and_expect_nothing_lost() {
    world_.start_daemon();
    EXPECT_TRUE(eventually([&] { return world_.stored() >= published_; })) << world_.picture();
    EXPECT_EQ(world_.stored(), published_);
    EXPECT_EQ(world_.gaps_and_doubles(), "");
    EXPECT_EQ(world_.number("select count(*) from dead_letters"), 0);
    EXPECT_TRUE(eventually([&] { return world_.queues_empty(); }));
    // Nothing of the outage is left in the way.
    EXPECT_EQ(world_.stop_daemon(), 0);
    EXPECT_EQ(reported("left_to_broker"), 0) << world_.log();
  }

  Relay broker_{broker_url()};
  Relay database_{server_database_url()};
  World world_;
  TenantId tenant_;
  std::int64_t published_ = 0;
};

TEST_F(Stop, WithTheDatabaseRefusedLeavesWhatIsInHandToTheBroker) {
  database_.refuse();
  database_.cut();
  publish(100);
  ASSERT_TRUE(in_hand(100));
  EXPECT_LT(stop(), 4s) << world_.log();
  EXPECT_EQ(reported("left_to_broker"), 100) << world_.log();
  EXPECT_EQ(reported("committed"), 0) << world_.log();
  database_.accept();
  mend_and_expect_nothing_lost();
}

TEST_F(Stop, WithTheDatabaseFrozenEndsAtItsTimeLimit) {
  database_.freeze();
  publish(100);
  ASSERT_TRUE(in_hand(100));
  // Also whoever waits for an answer through the API, and the one who looks how the database is.
  std::thread asking([&] { EXPECT_TRUE(client::Client(world_.client().endpoint(), {}).tenants().has_error()); });
  ASSERT_TRUE(eventually([&] { return world_.not_ready("database") == "PostgreSQL does not answer"; }));
  EXPECT_LT(stop(), 4s) << world_.log();
  asking.join();
  EXPECT_EQ(reported("left_to_broker"), 100) << world_.log();
  EXPECT_EQ(reported("committed"), 0) << world_.log();
  database_.thaw();
  mend_and_expect_nothing_lost();
}

TEST_F(Stop, WithTheDatabaseFrozenWhileItConnectsEndsAtItsTimeLimit) {
  database_.freeze();
  database_.cut();
  publish(100);
  ASSERT_TRUE(in_hand(100));
  EXPECT_LT(stop(), 4s) << world_.log();
  EXPECT_EQ(reported("left_to_broker"), 100) << world_.log();
  database_.thaw();
  mend_and_expect_nothing_lost();
}

TEST_F(Stop, WithTheBrokerRefusedCommitsWhatIsInHand) {
  {
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    publish(100);
    ASSERT_TRUE(in_hand(100));
    broker_.refuse();
    broker_.cut();
    ASSERT_TRUE(eventually([&] { return !world_.not_ready("broker.delivery").empty(); }));
  }
  EXPECT_LT(stop(), 4s) << world_.log();
  EXPECT_EQ(reported("acked"), 0) << world_.log();
  EXPECT_EQ(reported("left_to_broker"), 0) << world_.log();
  broker_.accept();
  mend_and_expect_nothing_lost();
}

TEST_F(Stop, WithTheBrokerFrozenEndsSoonAfterItsTimeLimit) {
  {
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    publish(100);
    ASSERT_TRUE(in_hand(100));
    broker_.freeze();
  }
  EXPECT_LT(stop(), 4s) << world_.log();
  broker_.cut();
  broker_.thaw();
  mend_and_expect_nothing_lost();
}

TEST_F(Stop, ASecondSignalWithEverythingFrozenEndsItAtOnce) {
  world_.set("MTMSG_SHUTDOWN_TIMEOUT", "30s");
  EXPECT_EQ(world_.stop_daemon(), 0);
  world_.start_daemon();
  publish(100);
  ASSERT_TRUE(eventually([&] { return world_.stored() == 101; }));
  database_.freeze();
  broker_.freeze();
  const auto begin = std::chrono::steady_clock::now();
  world_.daemon().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return world_.logged("stopping") == 1; }));
  world_.daemon().signal(SIGTERM);
  EXPECT_EQ(world_.daemon().wait(20s), 0) << world_.log();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s) << world_.log();
  broker_.cut();
  database_.cut();
  broker_.thaw();
  database_.thaw();
  mend_and_expect_nothing_lost();
}

}  // namespace
}  // namespace mtmsg::test
