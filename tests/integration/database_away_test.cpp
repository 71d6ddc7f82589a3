// The database fails in every way it can, under a real daemon: nothing is lost, nothing twice, nothing dead-lettered,
// it goes on without a restart, and the operator is told once.

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "support/relay.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

/// A daemon with one writer behind a relay to the database. The test's own sessions go direct.
class DatabaseAway : public testing::Test {
 protected:
  explicit DatabaseAway(Settings settings = {}) : world_(one_writer(std::move(settings))) {
    world_.set("MTMSG_DATABASE_URL", relay_.through(world_.database_url()));
  }
  static Settings one_writer(Settings settings) {
    settings.emplace("MTMSG_DATABASE_WRITERS", "1");
    return settings;
  }
  void start() {
    world_.start_daemon();
    tenant_ = world_.create_tenant("acme").id;
  }
  void publish(std::int64_t count, std::size_t bytes = 0) { publish_to(tenant_, count, bytes); }
  void publish_to(TenantId tenant, std::int64_t count, std::size_t bytes = 0) {
    std::string lines;
    for (std::int64_t i = 0; i < count; ++i) {
      std::string text;  // that does not compress
      while (text.size() < bytes) text += Uuid::v4().to_string();
      lines += foreign_line(tenant, "{\"n\":" + std::to_string(++published_) + ",\"text\":\"" + text + "\"}",
                            Uuid::v4().to_string());
    }
    foreign_publish(lines);
  }
  bool all_stored() {
    return eventually([&] { return world_.stored() >= published_; });
  }
  void expect_nothing_lost() {
    EXPECT_TRUE(all_stored()) << world_.picture();
    EXPECT_EQ(world_.stored(), published_);
    EXPECT_EQ(world_.gaps_and_doubles(), "");
    EXPECT_EQ(world_.number("select count(*) from dead_letters"), 0);
    EXPECT_TRUE(eventually([&] { return world_.ready(); })) << world_.log();
    EXPECT_TRUE(eventually([&] { return world_.client().status()->pipeline.unacked == 0; }));
    EXPECT_EQ(world_.logged("consumer_lost"), 0U) << world_.log();
    EXPECT_EQ(world_.logged("broker_connected"), 1U) << "the broker's connection was never lost";
  }
  void expect_told_once() {
    EXPECT_EQ(world_.logged("no_synchronous_standby"), 0U) << "one host: nothing to fail over to";
    EXPECT_TRUE(eventually([&] { return world_.logged("database_back") == 1; })) << world_.log();
    EXPECT_EQ(world_.logged("database_away"), 1U) << world_.log();
    EXPECT_EQ(world_.logged("database_back"), 1U) << world_.log();
    EXPECT_EQ(world_.logged("not_ready"), 0U) << world_.log();
  }
  bool writers_away(const std::string& reason) {
    return eventually([&] { return world_.not_ready("writers").find(reason) != std::string::npos; });
  }
  /// Ends what the daemon's sessions are at; they are those that come through the relay.
  void terminate_sessions(const std::string& which = "true") const {
    world_.sql(
        "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database() "
        "and application_name like 'mtmsgd%' and " +
        which);
  }
  bool a_writer_waits_for_a_lock() {
    return eventually([&] {
      return world_.number(
                 "select count(*) from pg_stat_activity where datname = current_database() and "
                 "application_name like 'mtmsgd%' and wait_event_type = 'Lock'") == 1;
    });
  }
  void terminate_at_lock(const char* function) const {
    world_.sql(std::string("select ") + function +
               "(pid) from pg_stat_activity where datname = current_database() and application_name like 'mtmsgd%' and "
               "wait_event_type = 'Lock'");
  }

  Relay relay_{server_database_url()};
  World world_;
  TenantId tenant_;
  std::int64_t published_ = 0;
};

TEST_F(DatabaseAway, RefusedAtTheStartIsSaidOnceAndWaitedFor) {
  relay_.refuse();
  world_.launch_daemon();
  ASSERT_TRUE(eventually([&] { return world_.not_ready("database").find("refused") != std::string::npos; }));
  EXPECT_NE(world_.not_ready("tenants"), "");
  EXPECT_TRUE(eventually([&] { return world_.client().status()->uptime >= 3s; }));
  EXPECT_EQ(world_.logged("store_not_ready"), 1U) << world_.log();
  EXPECT_EQ(world_.logged("database_away"), 0U) << "it was said already: " << world_.log();
  relay_.accept();
  ASSERT_TRUE(eventually([&] { return world_.ready(); }));
  tenant_ = world_.create_tenant("acme").id;
  publish(50);
  expect_nothing_lost();
}

TEST_F(DatabaseAway, SessionsEndedWhileIdleAreMadeAgainAndNobodyNotices) {
  start();
  publish(10);
  ASSERT_TRUE(all_stored());
  terminate_sessions("state = 'idle'");
  publish(10);
  ASSERT_TRUE(all_stored());
  EXPECT_TRUE(world_.client().tenants().has_value());
  EXPECT_EQ(world_.logged("database_away"), 0U) << world_.log();
  expect_nothing_lost();
}

TEST_F(DatabaseAway, AnOutageWhileNothingIsWrittenIsSaidOnceEvenWhenMessagesComeLater) {
  start();
  relay_.refuse();
  relay_.cut();
  ASSERT_TRUE(eventually([&] { return world_.logged("database_away") == 1; })) << world_.log();
  EXPECT_NE(world_.not_ready("database"), "");
  EXPECT_EQ(world_.not_ready("writers"), "");
  publish(100);
  ASSERT_TRUE(writers_away("refused")) << world_.not_ready("writers") << world_.picture();
  EXPECT_EQ(world_.client().tenants().error().error.code, ErrorCode::database_unavailable);
  relay_.accept();
  expect_nothing_lost();
  expect_told_once();
}

TEST_F(DatabaseAway, AFrozenServerIsSaidAndKeepsNobodyWaitingWhoAsksHowItIs) {
  start();
  relay_.freeze();
  publish(100);
  ASSERT_TRUE(eventually([&] { return world_.not_ready("database") == "PostgreSQL does not answer"; }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(world_.ready());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  ASSERT_TRUE(eventually([&] { return world_.logged("database_away") == 1; })) << world_.log();
  relay_.thaw();
  expect_nothing_lost();
  expect_told_once();
}

TEST_F(DatabaseAway, ASessionThatIsCutInTheMiddleOfACopyCostsOneAttempt) {
  start();
  for (const bool by_server : {true, false}) {
    relay_.delay(20ms);  // of each 64 KiB
    publish(40, 100'000);
    ASSERT_TRUE(eventually([&] {
      return world_.number(
                 "select count(*) from pg_stat_activity where datname = current_database() and "
                 "application_name like 'mtmsgd%' and state = 'active' and query like '%copy messages%'") == 1;
    })) << world_.picture();
    by_server ? terminate_sessions("query like '%copy messages%'") : relay_.cut();
    ASSERT_TRUE(eventually([&] { return world_.logged("database_away") == (by_server ? 1U : 2U); })) << world_.log();
    relay_.delay(0ms);
    ASSERT_TRUE(all_stored()) << world_.picture();
  }
  expect_nothing_lost();
  EXPECT_EQ(world_.logged("database_back"), 2U) << world_.log();
}

TEST_F(DatabaseAway, ACommitWhoseAnswerIsLostIsFoundStoredAndNothingIsStoredTwice) {
  start();
  relay_.cut_after("; commit");
  publish(200);
  ASSERT_TRUE(all_stored()) << world_.picture();
  EXPECT_TRUE(relay_.has_cut());
  expect_nothing_lost();
  EXPECT_GT(world_.metric("mtmsg_duplicates_suppressed_total"), 0);
  expect_told_once();
}

TEST_F(DatabaseAway, AReadOnlyDatabaseIsWaitedForUntilItTakesWrites) {
  start();
  const auto name = world_.sql("select current_database()");
  world_.sql("alter database " + name + " set default_transaction_read_only = on");
  terminate_sessions();
  publish(100);
  ASSERT_TRUE(writers_away("read-only")) << world_.picture();
  EXPECT_FALSE(world_.ready());
  // Its old sessions would stay read-only for ever.
  const auto url = world_.database_url();
  pqxx::connection writable(url + (url.find('?') == std::string::npos ? "?" : "&") +
                            "options=-cdefault_transaction_read_only%3Doff");
  pqxx::nontransaction(writable).exec("alter database " + name + " reset default_transaction_read_only");
  expect_nothing_lost();
  expect_told_once();
}

TEST_F(DatabaseAway, ACancelledStatementIsTriedAgain) {
  start();
  {
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    publish(100);
    ASSERT_TRUE(a_writer_waits_for_a_lock());
    terminate_at_lock("pg_cancel_backend");
    ASSERT_TRUE(writers_away("57014")) << world_.picture();
    ASSERT_TRUE(a_writer_waits_for_a_lock());
    terminate_at_lock("pg_terminate_backend");
    ASSERT_TRUE(writers_away("terminating connection")) << world_.picture();
  }
  expect_nothing_lost();
  expect_told_once();
}

TEST_F(DatabaseAway, ACounterThatSomebodyHoldsIsSaidOnceAndIsNoOutage) {
  start();
  const auto neighbour = world_.create_tenant("neighbour").id;
  {
    pqxx::connection connection(world_.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters where tenant_id = '" + tenant_.to_string() + "' for update");
    publish(100);
    ASSERT_TRUE(eventually([&] { return world_.logged("tenant_held") == 1; })) << world_.picture();
    publish_to(neighbour, 10);
    ASSERT_TRUE(eventually([&] { return world_.stored() == 10; })) << world_.picture();
    EXPECT_TRUE(world_.ready());
  }
  expect_nothing_lost();
  EXPECT_EQ(world_.logged("tenant_held"), 1U) << world_.log();
  EXPECT_EQ(world_.logged("database_away"), 0U) << world_.log();
}

TEST_F(DatabaseAway, ADeadlockWithSomebodyElseIsTriedAgain) {
  // Time enough to close the circle before the writer looks for it.
  world_.sql("alter database " + world_.sql("select current_database()") + " set deadlock_timeout = '1500ms'");
  start();
  auto first = world_.create_tenant("first").id;
  auto second = world_.create_tenant("second").id;
  if (second < first) std::swap(first, second);
  // A consumer takes one message at a time until one has come through its channel.
  for (const auto tenant : {tenant_, first, second}) publish_to(tenant, 1);
  ASSERT_TRUE(eventually([&] { return world_.stored() == 3 && world_.client().status()->pipeline.unacked == 0; }));
  const auto lock = [](TenantId tenant) {
    return "select * from tenant_counters where tenant_id = '" + tenant.to_string() + "' for update";
  };
  pqxx::connection other_connection(world_.database_url());
  pqxx::nontransaction(other_connection).exec("set deadlock_timeout = '1min'");  // the writer finds it first
  pqxx::work other(other_connection);
  {
    // While the writer waits for this one, the other two tenants gather for its next transaction.
    pqxx::connection gate_connection(world_.database_url());
    pqxx::work gate(gate_connection);
    gate.exec(lock(tenant_));
    publish(1);
    ASSERT_TRUE(a_writer_waits_for_a_lock());
    publish_to(first, 20);
    publish_to(second, 20);
    ASSERT_TRUE(eventually([&] { return world_.client().status()->pipeline.unacked == 41; })) << world_.picture();
    other.exec(lock(second));
  }
  // It has the first one's counter now, and waits for the second one's.
  ASSERT_TRUE(eventually([&] { return world_.stored() == 4; }));
  ASSERT_TRUE(a_writer_waits_for_a_lock());
  other.exec(lock(first));
  ASSERT_TRUE(writers_away("40P01")) << world_.picture();
  other.abort();
  expect_nothing_lost();
  expect_told_once();
}

TEST_F(DatabaseAway, WithTwoHostsTheSecondTakesOverWithoutARestart) {
  Relay second(server_database_url());
  auto url = relay_.through(world_.database_url());
  url.insert(url.find(relay_.address()) + relay_.address().size(), "," + second.address());
  world_.set("MTMSG_DATABASE_URL", url);
  start();
  publish(50);
  ASSERT_TRUE(all_stored());
  relay_.refuse();
  relay_.cut();
  publish(50);
  ASSERT_TRUE(all_stored()) << world_.picture();
  EXPECT_TRUE(eventually([&] { return world_.ready(); }));
  relay_.accept();
  second.refuse();
  second.cut();
  publish(50);
  expect_nothing_lost();
  EXPECT_EQ(world_.logged("no_synchronous_standby"), 1U) << world_.log();
}

TEST_F(DatabaseAway, AFirstHostThatHangsIsWaitedForOnceAndNotByEverySession) {
  Relay second(server_database_url());
  auto url = relay_.through(world_.database_url());
  url.insert(url.find(relay_.address()) + relay_.address().size(), "," + second.address());
  world_.set("MTMSG_DATABASE_URL", url + (url.find('?') == std::string::npos ? "?" : "&") + "connect_timeout=4");
  start();
  publish(50);
  ASSERT_TRUE(all_stored());
  relay_.freeze();
  relay_.cut();
  publish(50);
  ASSERT_TRUE(all_stored()) << world_.picture();
  ASSERT_TRUE(eventually([&] { return world_.ready(); }));
  const auto begin = std::chrono::steady_clock::now();
  second.cut();
  publish(50);
  ASSERT_TRUE(all_stored()) << world_.picture();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
  relay_.thaw();
  expect_nothing_lost();
}

class FewConnections : public DatabaseAway {
 protected:
  FewConnections() {
    server_sql("create role " + role_ + " login");
    server_sql(
        "do $$ begin create role mtmsg_reader nologin; exception when duplicate_object or "
        "unique_violation then end $$");
    server_sql("grant mtmsg_reader to " + role_);
    world_.sql("alter database " + world_.sql("select current_database()") + " owner to " + role_);
    world_.sql("alter schema public owner to " + role_);
    auto url = relay_.through(world_.database_url());
    const auto user = url.find("//") + 2;
    world_.set("MTMSG_DATABASE_URL", url.replace(user, url.find('@') - user, role_));
  }
  ~FewConnections() override {
    world_.sql("reassign owned by " + role_ + " to current_user");
    server_sql("drop role " + role_);
  }

  const std::string role_ = unique_name();
};

TEST_F(FewConnections, AreWaitedFor) {
  start();
  server_sql("alter role " + role_ + " connection limit 0");
  terminate_sessions();
  publish(100);
  ASSERT_TRUE(writers_away("too many connections")) << world_.picture();
  EXPECT_NE(world_.not_ready("database").find("too many connections"), std::string::npos);
  server_sql("alter role " + role_ + " connection limit -1");
  expect_nothing_lost();
  expect_told_once();
}

}  // namespace
}  // namespace mtmsg::test
