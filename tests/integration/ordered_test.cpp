// An ordered tenant's messages are stored in the order of its queue, however many daemons consume and whatever happens
// to them.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "broker/control.hpp"
#include "broker/publisher.hpp"
#include "broker/topology.hpp"
#include "ingest/pipeline.hpp"
#include "integration/broker_support.hpp"
#include "integration/support/database.hpp"
#include "support/paths.hpp"
#include "support/raw_broker.hpp"
#include "support/sanitized.hpp"
#include "support/world.hpp"

namespace mtmsg::ingest {
namespace {

using namespace std::chrono_literals;
using broker::testing::eventually;

struct Events final : PipelineEvents {
  void on_consumer_lost(TenantId, const Error&) noexcept override { ++lost; }
  void on_tenant_held(TenantId) noexcept override { ++held; }
  void on_database(bool, const Error&) noexcept override {}
  void on_limit_reached(TenantId) noexcept override {}
  void on_delivery_link(const Result<std::string>&) noexcept override {}

  std::atomic<int> lost{0};
  std::atomic<int> held{0};
};

/// Which numbers of messages are not where they belong; "" when all are stored in their order, once.
const char* const kOutOfOrder =
    "select coalesce(string_agg(n || ' at ' || seq, ', ' order by seq), '') from (select seq, (payload->>'n')::bigint "
    "as n, row_number() over (order by (payload->>'n')::bigint) as place from messages) m where seq <> place";

/// What a daemon does for one tenant.
class Side {
 public:
  Side(store::Database& database, TenantId tenant) : tenant_(tenant), pipeline(options(), database, metrics_, events) {
    pipeline.start();
    serve();
  }
  ~Side() { stop(); }

  void serve(unsigned workers = 1) {
    EXPECT_TRUE(
        eventually([&] { return pipeline.serve(tenant_, {.workers = workers, .ordered = true}).get().has_value(); }));
  }
  void remove() { pipeline.remove(tenant_, 10s); }
  StopReport stop() { return pipeline.stop(std::chrono::steady_clock::now() + 20s); }

  static broker::ConnectOptions connect() {
    broker::ConnectOptions options;
    options.url = broker::testing::broker_url();
    return options;
  }
  static Pipeline::Options options() {
    Pipeline::Options options;
    options.link.connect = connect();
    return options;
  }

 private:
  const TenantId tenant_;
  metrics::Registry metrics_{"test"};

 public:
  Events events;
  Pipeline pipeline;
};

class Ordered : public testing::TestWithParam<bool> {
 protected:
  Ordered() {
    control_.start();
    publisher_.start();
    EXPECT_TRUE(eventually([&] { return control_.status().connected && publisher_.status().connected; }));
    EXPECT_TRUE(control_.declare_tenant(tenant_, {.ordered = true, .quorum = GetParam()}));
    // Slow enough for the test to be in the middle of it.
    database_.sql().run(
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return null; end "
        "$$; create trigger slow before insert on messages for each statement execute function slow()");
    left_ = make_side();
  }
  ~Ordered() override {
    left_.reset();
    right_.reset();
    (void)control_.delete_tenant(tenant_);
  }

  void publish(int messages) {
    std::vector<std::future<Result<void>>> confirmed;
    for (int i = 0; i < messages; ++i) {
      const auto n = ++published_;
      auto body = "{\"n\": " + std::to_string(n) + "}";
      if (n % 50 == 7) body += "no JSON";
      poison_ += n % 50 == 7 ? 1 : 0;
      confirmed.push_back(publisher_.publish(tenant_, Uuid::v4().to_string(), body));
    }
    for (auto& each : confirmed) ASSERT_TRUE(each.get().has_value());
  }
  std::unique_ptr<Side> make_side() { return std::make_unique<Side>(database_.store(), tenant_); }
  std::int64_t stored() { return std::stoll(database_.sql().one("select count(*) from messages")); }
  bool all_stored() { return stored() >= published_ - poison_; }
  /// Some more were stored. On a machine where publishing is slow all may be by now: then there is no more to wait for.
  void wait_for_some() {
    const auto before = stored();
    ASSERT_TRUE(eventually([&] { return stored() > before || all_stored(); }));
  }
  void expect_all_in_order() {
    ASSERT_TRUE(eventually([&] { return all_stored(); })) << stored() << " of " << published_;
    EXPECT_EQ(stored(), published_ - poison_);
    EXPECT_EQ(database_.sql().one("select count(*) from dead_letters"), std::to_string(poison_));
    EXPECT_EQ(database_.sql().one(kOutOfOrder), "");
  }

  test::TestDatabase database_;
  TenantId tenant_ = test::make_tenant(database_.store());
  broker::Control control_{Side::connect(), broker::TopologyOptions{broker::testing::unique_name("ordered")}};
  broker::Publisher publisher_{Side::connect(), {}};
  std::unique_ptr<Side> left_;
  std::unique_ptr<Side> right_;
  int published_ = 0;
  int poison_ = 0;
};

TEST_P(Ordered, ThroughTheStopOfTheActiveConsumer) {
  publish(12'000);
  for (int i = 0; i < 4; ++i) {
    right_ = make_side();
    wait_for_some();
    EXPECT_TRUE(left_->stop().complete);
    wait_for_some();
    left_ = std::move(right_);
  }
  expect_all_in_order();
}

TEST_P(Ordered, ThroughAStopAtOnce) {
  publish(12'000);
  for (int i = 0; i < 4; ++i) {
    right_ = make_side();
    wait_for_some();
    left_->pipeline.stop(std::chrono::steady_clock::now());
    wait_for_some();
    left_ = std::move(right_);
  }
  expect_all_in_order();
}

TEST_P(Ordered, ThroughPausesOfOneOrTheOtherConsumer) {
  publish(15'000);
  right_ = make_side();
  for (int i = 0; i < 6; ++i) {
    auto& side = i % 2 == 0 ? *left_ : *right_;
    wait_for_some();
    side.remove();
    if (i % 3 != 0) wait_for_some();
    side.serve();
  }
  expect_all_in_order();
}

TEST_P(Ordered, ThroughAPauseOfTheOnlyConsumer) {
  publish(12'000);
  for (int i = 0; i < 5; ++i) {
    wait_for_some();
    left_->remove();
    const auto while_paused = stored();
    EXPECT_EQ(left_->pipeline.activity(tenant_).unacked, 0U);
    EXPECT_EQ(stored(), while_paused);
    left_->serve();
  }
  expect_all_in_order();
}

TEST_P(Ordered, ThroughChangesOfItsWorkers) {
  publish(8'000);
  right_ = make_side();
  for (unsigned i = 0; i < 10; ++i) {
    wait_for_some();
    left_->serve(1 + i % 4);
    right_->serve(1 + i % 3);
    EXPECT_EQ(left_->pipeline.activity(tenant_).workers, 1U);
  }
  expect_all_in_order();
}

TEST_P(Ordered, ThroughATroubleOfItsTenantThatGivesEverythingBack) {
  right_ = make_side();
  // Every fifth transaction fails for a reason that is nobody's message, as if the partition were missing.
  database_.sql().run(
      "create sequence tries; create function trouble() returns trigger language plpgsql as $$ begin if "
      "nextval('tries') % 5 = 0 then raise exception using errcode = '23514', message = 'no partition of relation'; "
      "end "
      "if; return null; end $$; create trigger trouble before insert on messages for each statement execute function "
      "trouble()");
  publish(8'000);
  int repairs = 0;
  while (stored() < published_ - poison_ && repairs < 100) {
    for (auto* side : {left_.get(), right_.get()}) {
      if (side->events.lost.exchange(0) == 0) continue;
      ++repairs;
      side->serve();
    }
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_GE(repairs, 2);
  expect_all_in_order();
}

TEST_P(Ordered, ThroughATroubleOfItsTenantThatLastsLongerThanAnyMessageIsTried) {
  publish(300);
  ASSERT_TRUE(eventually([&] { return all_stored(); }));
  database_.sql().run(
      "create function trouble() returns trigger language plpgsql as $$ begin raise exception using errcode = "
      "'23514', message = 'no partition of relation'; end $$; create trigger trouble before insert on messages for "
      "each statement execute function trouble()");
  publish(300);
  // Each repair costs what is in hand one delivery: many more than the three tries of a message on record.
  for (int repairs = 0; repairs < 15; ++repairs) {
    ASSERT_TRUE(eventually([&] { return left_->events.lost.exchange(0) > 0; })) << repairs;
    left_->serve();
  }
  database_.sql().run("drop trigger trouble on messages");
  if (left_->events.lost.exchange(0) > 0) left_->serve();
  while (!all_stored() && eventually([&] { return all_stored() || left_->events.lost.exchange(0) > 0; })) {
    if (!all_stored()) left_->serve();
  }
  expect_all_in_order();
}

TEST_P(Ordered, ThroughALockOfSomebodyElsesOnItsCounter) {
  publish(4'000);
  right_ = make_side();
  wait_for_some();
  {
    test::SqlSession holder(database_.url());
    holder.run("begin; select from tenant_counters for update");
    publish(500);  // all before may be stored already
    ASSERT_TRUE(eventually([&] { return left_->events.held + right_->events.held > 0; }));
  }
  expect_all_in_order();
}

INSTANTIATE_TEST_SUITE_P(, Ordered, testing::Values(true, false),
                         [](const auto& each) { return std::string(each.param ? "Quorum" : "Classic"); });

}  // namespace
}  // namespace mtmsg::ingest

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

/// Real daemons.
class OrderedDaemons : public testing::Test {
 protected:
  explicit OrderedDaemons(Settings settings = {}) : world_(std::move(settings)) {
    world_.start_daemon();
    tenant_ = world_.client().create_tenant({.name = "acme", .workers = 1, .ordered = true}).value().id;
    world_.adopt(tenant_);
    world_.stop_daemon();
  }

  void publish(int count, const std::string& instead = {}, int of = -1) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const auto n = std::to_string(++published_);
      lines += foreign_line(tenant_, i == of ? instead : "{\"n\": " + n + "}", Uuid::v4().to_string());
    }
    foreign_publish(lines);
  }
  /// Starts the daemon again whenever it died, until it is over; how often it died.
  template <class Condition>
  int deaths_until(int most, Condition over) {
    int deaths = 0;
    for (; deaths < most; ++deaths) {
      try {
        world_.start_daemon(10s);
      } catch (const std::runtime_error&) {
        continue;
      }
      if (eventually([&] { return !world_.daemon().running() || over(); }) && world_.daemon().running()) break;
    }
    return deaths;
  }
  void expect_all_in_order() {
    EXPECT_TRUE(eventually([&] { return world_.stored() >= published_; }, 60s)) << world_.picture();
    EXPECT_EQ(world_.stored(), published_);
    EXPECT_EQ(world_.sql(ingest::kOutOfOrder), "");
    EXPECT_EQ(world_.gaps_and_doubles(), "");
  }

  World world_;
  TenantId tenant_;
  int published_ = 0;
};

TEST_F(OrderedDaemons, StoreInOrderThoughTheActiveOneIsKilledAgainAndAgain) {
  world_.sql(
      "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.01); return null; end "
      "$$; create trigger slow before insert on messages for each statement execute function slow()");
  publish(30'000);
  world_.start_daemon();
  auto peer = world_.start_peer();
  for (int i = 0; i < 5; ++i) {
    const auto before = world_.stored();
    ASSERT_TRUE(eventually([&] { return world_.stored() > before || before >= published_; })) << world_.picture();
    if (i % 2 == 0) {
      world_.kill_daemon();
      world_.start_daemon();
    } else {
      peer->signal(SIGKILL);
      peer->wait(10s);
      peer = world_.start_peer();
    }
  }
  EXPECT_EQ(world_.number("select count(*) from dead_letters"), 0);
  expect_all_in_order();
}

TEST_F(OrderedDaemons, StoreInOrderWhatWasInHandOfManyThatDied) {
  constexpr unsigned kMessages = 100;
  publish(kMessages);
  const auto ready = [&] { return world_.queue(tenant_)->ready; };
  ASSERT_TRUE(eventually([&] { return ready() == kMessages; }));
  for (int deaths = 0; deaths < 40; ++deaths) {  // the limit of others is 20
    const RawConsumers dying({broker::tenant_queue(tenant_)}, kMessages / 2);
    ASSERT_TRUE(eventually([&] { return ready() <= kMessages / 2; }));
  }
  world_.start_daemon();
  expect_all_in_order();
  EXPECT_EQ(world_.number("select count(*) from dead_letters"), 0);
}

TEST_F(OrderedDaemons, AMessageThatKillsThemEndsAsADeadLetterAloneAndInPlaceOfNoOther) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime has to be loaded first";
  constexpr int kMessages = 700;  // more than are in hand at once
  publish(kMessages, R"("KILLS-THE-DAEMON")", 40);
  world_.set("LD_PRELOAD", MTMSG_LIBRARY_DIR "/libkills_daemon.so");
  const auto over = [&] {
    return world_.number("select count(*) from dead_letters where tries >= 3") == 1 && world_.stored() == kMessages - 1;
  };
  const int deaths = deaths_until(15, over);
  EXPECT_TRUE(over()) << world_.picture();
  EXPECT_GE(deaths, 6) << "twice with others, once alone, and three times on record";
  EXPECT_LE(deaths, 8);
  EXPECT_EQ(world_.sql("select string_agg(reason || ' ' || convert_from(body, 'UTF8'), ',') from dead_letters"),
            "delivery_limit \"KILLS-THE-DAEMON\"")
      << "those behind it are no dead letters";
  EXPECT_EQ(
      world_.sql("select coalesce(string_agg(n || ' after ' || before, ','), '') from (select (payload->>'n')::int"
                 " as n, lag((payload->>'n')::int) over (order by seq) as before from messages) m where n < "
                 "before"),
      "");
  EXPECT_EQ(world_.gaps_and_doubles(), "");
  EXPECT_EQ(world_.dead_letter_queue_depth(), 0U);
}

TEST_F(OrderedDaemons, MessagesThatKillThemAndAreAlikeAndHaveNoIdAreAsManyDeadLetters) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime has to be loaded first";
  const auto killer = foreign_line(tenant_, R"("KILLS-THE-DAEMON")");
  foreign_publish(killer + killer);
  publish(5);
  world_.set("LD_PRELOAD", MTMSG_LIBRARY_DIR "/libkills_daemon.so");
  const auto over = [&] {
    return world_.number("select count(*) from dead_letters where tries >= 3") == 2 && world_.stored() == published_;
  };
  EXPECT_LE(deaths_until(15, over), 10) << "each three times on record";
  EXPECT_TRUE(over()) << world_.picture();
  EXPECT_EQ(world_.number("select count(*) from dead_letters"), 2);
  EXPECT_EQ(world_.sql(ingest::kOutOfOrder), "");
}

}  // namespace
}  // namespace mtmsg::test
