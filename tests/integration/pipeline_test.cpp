// The data path in this process: how its tenants are served.

#include "ingest/pipeline.hpp"

#include <gtest/gtest.h>

#include "broker/control.hpp"
#include "broker/publisher.hpp"
#include "integration/broker_support.hpp"
#include "integration/support/database.hpp"

namespace mtmsg::ingest {
namespace {

using namespace std::chrono_literals;
using broker::testing::eventually;

struct Silent final : PipelineEvents {
  void on_consumer_lost(TenantId, const Error&) noexcept override {}
  void on_tenant_held(TenantId) noexcept override {}
  void on_database(bool, const Error&) noexcept override {}
  void on_limit_reached(TenantId) noexcept override {}
  void on_delivery_link(const Result<std::string>&) noexcept override {}
};

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    control_.start();
    publisher_.start();
    pipeline_.start();
    EXPECT_TRUE(eventually([&] { return control_.status().connected && publisher_.status().connected; }));
  }
  ~PipelineTest() override {
    pipeline_.stop(std::chrono::steady_clock::now() + 10s);
    for (const auto tenant : tenants_) (void)control_.delete_tenant(tenant);
  }

  static broker::ConnectOptions connect() {
    broker::ConnectOptions options;
    options.url = broker::testing::broker_url();
    return options;
  }
  static Pipeline::Options options() {
    Pipeline::Options options;
    options.link.connect = connect();
    options.link.max_channels = 3;
    options.batch = 50;
    return options;
  }

  TenantId make_tenant() {
    const auto name = "tenant-" + std::to_string(tenants_.size());
    tenants_.push_back(test::make_tenant(database_.store(), name));
    EXPECT_TRUE(control_.declare_tenant(tenants_.back(), {}));
    return tenants_.back();
  }
  void serve(TenantId tenant, const ServeOptions& options = {}) {
    EXPECT_TRUE(eventually([&] { return pipeline_.serve(tenant, options).get().has_value(); }));
  }
  void publish(TenantId tenant, const std::string& body = "1") {
    ASSERT_TRUE(publisher_.publish(tenant, Uuid::v4().to_string(), body).get().has_value());
  }
  std::string stored() { return database_.sql().one("select count(*) from messages"); }
  std::string letters() { return database_.sql().one("select count(*) from dead_letters where reason = 'too_large'"); }

  test::TestDatabase database_;
  std::vector<TenantId> tenants_;
  broker::Control control_{connect(), broker::TopologyOptions{broker::testing::unique_name("pipeline")}};
  broker::Publisher publisher_{connect(), {}};
  Silent events_;
  metrics::Registry metrics_{"test"};
  Pipeline pipeline_{options(), database_.store(), metrics_, events_};
};

TEST_F(PipelineTest, MoreTenantsThanAConnectionHasChannelsForAreStoredOverSeveral) {
  for (int i = 0; i < 7; ++i) serve(make_tenant());
  EXPECT_EQ(pipeline_.status().links, 3U);
  for (const auto tenant : tenants_) publish(tenant);
  EXPECT_TRUE(eventually([&] { return stored() == "7"; })) << stored();
  // Room on the first and on the second connection.
  for (const auto gone : {0U, 1U, 4U}) pipeline_.remove(tenants_[gone], 5s);
  for (int i = 0; i < 3; ++i) serve(make_tenant());
  EXPECT_EQ(pipeline_.status().links, 3U) << "the channels of removed tenants are used again";
  for (const auto tenant : {tenants_[2], tenants_[7], tenants_[8], tenants_[9]}) publish(tenant);
  EXPECT_TRUE(eventually([&] { return stored() == "11"; })) << stored();
  EXPECT_TRUE(eventually([&] { return pipeline_.status().acked == 11; }));
}

TEST_F(PipelineTest, TenantsThatComeAndGoAcrossConnectionsLoseAndRepeatNothing) {
  for (int i = 0; i < 7; ++i) serve(make_tenant());
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    const auto tenant = tenants_[static_cast<std::size_t>(round) % tenants_.size()];
    std::vector<std::future<Result<void>>> confirmed;
    for (int i = 0; i < 40; ++i) confirmed.push_back(publisher_.publish(tenant, Uuid::v4().to_string(), "1"));
    pipeline_.remove(tenant, round % 3 == 0 ? 0ms : 5000ms);
    serve(tenant);
    for (auto& each : confirmed) ASSERT_TRUE(each.get().has_value());
  }
  EXPECT_TRUE(eventually([&] { return stored() == std::to_string(kRounds * 40); })) << stored();
  for (const auto tenant : tenants_) {
    EXPECT_TRUE(eventually([&] { return pipeline_.activity(tenant).unacked == 0; }));
    EXPECT_TRUE(eventually([&] { return control_.depth(tenant).value().ready == 0; }));
  }
}

TEST_F(PipelineTest, AChangedMaximumSizeCountsAtOnce) {
  const auto tenant = make_tenant();
  const std::string ten(10, '7');
  serve(tenant, {.max_message_bytes = 9});
  publish(tenant, ten);
  EXPECT_TRUE(eventually([&] { return letters() == "1"; }));
  EXPECT_NE(database_.sql().one("select detail from dead_letters").find("max_message_bytes is 9"), std::string::npos);
  serve(tenant, {.max_message_bytes = 10});
  publish(tenant, ten);
  publish(tenant, ten + "7");
  EXPECT_TRUE(eventually([&] { return stored() == "1" && letters() == "2"; }));
  serve(tenant);
  publish(tenant, ten + "7");
  EXPECT_TRUE(eventually([&] { return stored() == "2"; }));
  EXPECT_EQ(pipeline_.served().at(tenant), ServeOptions{});
}

}  // namespace
}  // namespace mtmsg::ingest
