// The data path in this process, with limits a test can wait for.

#include <gtest/gtest.h>

#include "broker/control.hpp"
#include "broker/publisher.hpp"
#include "ingest/pipeline.hpp"
#include "integration/broker_support.hpp"
#include "integration/support/database.hpp"

namespace mtmsg::ingest {
namespace {

using namespace std::chrono_literals;
using test::eventually;

struct Unheard final : PipelineEvents {
  void on_limit_reached(TenantId) noexcept override {}
  void on_consumer_lost(TenantId, const Error&) noexcept override { ++lost; }
  void on_tenant_held(TenantId) noexcept override {}
  void on_database(bool available, const Error&) noexcept override { ++(available ? back : away); }
  void on_delivery_link(const Result<std::string>&) noexcept override { ++links; }

  std::atomic<int> lost{0};
  std::atomic<int> away{0};
  std::atomic<int> back{0};
  std::atomic<int> links{0};
};

class LongOutageTest : public testing::Test {
 protected:
  LongOutageTest() {
    control_.start();
    publisher_.start();
    EXPECT_TRUE(eventually([&] { return control_.status().connected && publisher_.status().connected; }));
    EXPECT_TRUE(control_.declare_tenant(tenant_, {}));
    pipeline_.start();
    EXPECT_TRUE(eventually([&] { return pipeline_.serve(tenant_, {.workers = 2}).get().has_value(); }));
  }
  ~LongOutageTest() override {
    pipeline_.stop(std::chrono::steady_clock::now() + 10s);
    (void)control_.delete_tenant(tenant_);
  }

  static broker::ConnectOptions connect() {
    broker::ConnectOptions options;
    options.url = broker::testing::broker_url();
    return options;
  }
  static Pipeline::Options options() {
    Pipeline::Options options;
    options.link.connect = connect();
    options.patience = 500ms;
    options.batch = 50;
    return options;
  }
  void publish(int messages) {
    for (int i = 0; i < messages; ++i)
      ASSERT_TRUE(publisher_.publish(tenant_, Uuid::v4().to_string(), "1").get().has_value());
  }
  unsigned consumers() {
    const auto depth = control_.depth(tenant_);
    return depth ? depth->consumers : 0;
  }
  std::int64_t stored() { return std::stoll(database_.sql().one("select count(*) from messages")); }

  test::TestDatabase database_;
  TenantId tenant_ = test::make_tenant(database_.store());
  broker::Control control_{connect(), broker::TopologyOptions{broker::testing::unique_name("long-outage")}};
  broker::Publisher publisher_{connect(), {}};
  Unheard events_;
  metrics::Registry metrics_{"test"};
  Pipeline pipeline_{options(), database_.store(), metrics_, events_};
};

TEST_F(LongOutageTest, ClosesTheChannelOnceAndOpensItWhenTheDatabaseIsBack) {
  publish(20);
  ASSERT_TRUE(eventually([&] { return stored() == 20; }));
  ASSERT_TRUE(eventually([&] { return consumers() == 1; })) << "a narrow one makes room for a wide one";
  {
    // Every attempt of a writer fails as in an outage; what the test asks itself goes on.
    database_.sql().run(
        "create function away() returns trigger language plpgsql as $$ begin raise exception using errcode = '58000'; "
        "end $$; create trigger away before insert on messages for each statement execute function away()");
    publish(200);
    ASSERT_TRUE(eventually([&] { return pipeline_.status().database_away; }));
    ASSERT_TRUE(eventually([&] { return consumers() == 0; })) << "no channel stays open";
    EXPECT_EQ(stored(), 20);
    EXPECT_LE(pipeline_.activity(tenant_).waiting, 0U) << "what waited is the broker's again";
    // A new tenant is not consumed either.
    EXPECT_EQ(pipeline_.serve(tenant_, {.workers = 3}).get().error().code, ErrorCode::database_unavailable);
    database_.sql().run("drop trigger away on messages");
  }
  ASSERT_TRUE(eventually([&] { return stored() == 220; }));
  ASSERT_TRUE(eventually([&] { return consumers() == 1; }));
  EXPECT_EQ(events_.away, 1) << "told once, not once per try";
  EXPECT_EQ(events_.back, 1);
  EXPECT_EQ(events_.lost, 0);
  EXPECT_EQ(events_.links, 1) << "the connection stands through all of it";
  EXPECT_EQ(database_.sql().one("select count(distinct id) || ' ' || max(seq) from messages"), "220 220");
}

}  // namespace
}  // namespace mtmsg::ingest
