// What the API does with tenants, on real servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/transport.hpp"
#include "support/exchanges.hpp"
#include "support/relay.hpp"
#include "support/world.hpp"

namespace mtmsg {
namespace {

using testing::Contains;
using testing::HasSubstr;

NewTenant with_limit(const std::string& name, Limit limit, std::uint64_t value) {
  NewTenant request{name, {}};
  request.limits[limit] = value;
  return request;
}

TEST(HttpTenants, AFullQueueIsToldToWhoPublishesAndEmptiesWhenTheTenantResumes) {
  test::World world;
  world.start_daemon();
  auto& client = world.client();
  ASSERT_TRUE(client.create_tenant(with_limit("acme", Limit::max_queue_length, 5)).has_value());
  ASSERT_TRUE(client.pause_tenant("acme").value().paused);
  std::optional<client::CallError> refused;
  std::int64_t taken = 0;
  // A quorum queue's bound is soft: some more may come in.
  while (!refused && taken < 200) {
    const auto published = client.publish("acme", {std::nullopt, "{}"});
    if (published)
      ++taken;
    else
      refused = published.error();
  }
  ASSERT_TRUE(refused) << "200 messages went into a queue for 5\n" << world.picture();
  EXPECT_EQ(refused->error.code, ErrorCode::broker_rejected);
  EXPECT_THAT(refused->error.message, HasSubstr("max_queue_length is 5"));
  client::Transport transport(client::Endpoint::parse(world.endpoint()).value(), test::client_options());
  const auto answer = transport.exchange(
      {"POST", "/tenants/acme/messages", "{\"payload\":1}\n{\"payload\":2}\n", "application/x-ndjson"});
  EXPECT_EQ(answer->status, 429) << answer->body;
  ASSERT_FALSE(client.resume_tenant("acme").value().paused);
  EXPECT_TRUE(test::eventually([&] { return world.stored() == taken; })) << world.picture();
  EXPECT_TRUE(test::eventually([&] { return client.publish("acme", {std::nullopt, "{}"}).has_value(); }));
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(HttpTenants, ACreateThatIsRetriedWithItsKeyMakesNoSecondTenant) {
  test::World world;
  world.start_daemon();
  auto request = with_limit("acme", Limit::retention_messages, 1000);
  request.idempotency = IdempotencyKey{"order 7", {}};
  const auto first = world.client().create_tenant(request).value();
  EXPECT_EQ(world.client().create_tenant(request).value().id, first.id);
  world.kill_daemon();
  world.start_daemon();
  EXPECT_EQ(world.client().create_tenant(request).value().id, first.id);
  request.workers = 7;
  EXPECT_EQ(world.client().create_tenant(request).error().error.code, ErrorCode::conflict);
  EXPECT_EQ(world.number("select count(*) from tenants"), 1);
}

TEST(HttpTenants, ALimitIsInForceAtOnceAndGoesBackToTheDefault) {
  test::World world(test::Settings{{"MTMSG_LIMITS_PUBLISH_RATE", "1000"}});
  world.start_daemon();
  auto& client = world.client();
  ASSERT_TRUE(client.create_tenant({"acme", {}}).has_value());
  EXPECT_EQ(client.tenant("acme").value().effective_limits[Limit::publish_rate], 1000U);
  TenantUpdate slow;
  slow.limits = {{Limit::publish_rate, 1}, {Limit::max_message_bytes, 100}};
  ASSERT_TRUE(client.update_tenant("acme", slow).has_value());
  const auto large = client.publish("acme", {std::nullopt, '"' + std::string(200, 'x') + '"'});
  EXPECT_EQ(large.error().error.code, ErrorCode::too_large);
  std::string lines;
  for (int n = 0; n < 20; ++n) lines += "{\"payload\":1}\n";
  const auto results = client.publish_lines("acme", lines).value();
  const auto refused = std::ranges::count_if(results, [](const auto& line) {
    const auto* error = std::get_if<Error>(&line.result);
    return error != nullptr && error->code == ErrorCode::rate_limited;
  });
  EXPECT_GE(refused, 1);
  EXPECT_TRUE(test::eventually([&] { return world.stored() == 20 - refused; })) << world.picture();
  TenantUpdate back;
  back.limits = {{Limit::publish_rate, std::nullopt}, {Limit::max_message_bytes, std::nullopt}};
  ASSERT_TRUE(client.update_tenant("acme", back).has_value());
  EXPECT_TRUE(client.publish("acme", {std::nullopt, '"' + std::string(200, 'x') + '"'}).has_value() ||
              test::eventually([&] {
                return client.publish("acme", {std::nullopt, "1"}).has_value();
              }));
  const auto no_length = client.update_tenant("acme", {{}, {}, {{Limit::max_queue_length, 9}}}).error().error;
  EXPECT_EQ(no_length.code, ErrorCode::immutable);
  EXPECT_THAT(no_length.message, HasSubstr(R"('{"max-length":9,"overflow":"reject-publish"}')"));
}

TEST(HttpTenants, APolicyIsOfferedOnlyWhereItHelps) {
  test::World world;
  world.start_daemon();
  auto& client = world.client();
  const auto made = client.create_tenant(with_limit("acme", Limit::max_queue_length, 5)).value();
  world.adopt(made.id);
  const auto told = [&](std::optional<std::uint64_t> length) {
    const auto refused = client.update_tenant("acme", {{}, {}, {{Limit::max_queue_length, length}}}).error().error;
    EXPECT_EQ(refused.code, ErrorCode::immutable);
    return refused.message;
  };
  EXPECT_THAT(told(3), HasSubstr(R"("max-length":3)"));
  for (const auto length : {std::optional<std::uint64_t>(9), std::optional<std::uint64_t>(0), {}})
    EXPECT_THAT(told(length), testing::AllOf(HasSubstr("can't be raised"), testing::Not(HasSubstr("set_policy"))));
}

TEST(HttpTenants, ACreateThatIsTriedAgainWhileTheBrokerIsAwayIsToldThatItIsRecorded) {
  test::Relay relay(test::broker_url());
  test::World world(test::Settings{{"MTMSG_BROKER_URL", relay.url()}});
  world.start_daemon();
  NewTenant request{"acme", {}};
  request.idempotency = IdempotencyKey{"order 7", {}};
  const auto made = world.client().create_tenant(request).value();
  world.adopt(made.id);
  relay.refuse();
  relay.cut();
  const auto refused = [&] {
    const auto again = world.client().create_tenant(request);
    return again.has_error() ? again.error().error.message : std::string();
  };
  EXPECT_TRUE(test::eventually([&] { return refused().find("is recorded") != std::string::npos; })) << refused();
  EXPECT_THAT(world.client().create_tenant({"beta", {}}).error().error.message, HasSubstr("was not created"));
}

TEST(HttpTenants, TheStatusNamesTheDaemonsOfTheDatabase) {
  test::World world;
  world.start_daemon();
  const auto alone = [&] {
    const auto status = world.client().status().value();
    return status.daemons && status.daemons->size() == 1 && status.daemons->front().self &&
           !status.daemons->front().silent;
  };
  EXPECT_TRUE(test::eventually(alone));
  const auto peer = world.start_peer();
  EXPECT_TRUE(test::eventually(
      [&] { return world.client().status().value().daemons.value_or(std::vector<wire::DaemonInfo>{}).size() == 2; }));
  EXPECT_TRUE(test::eventually([&] {
    for (const auto& daemon : world.client().status().value().daemons.value_or(std::vector<wire::DaemonInfo>{}))
      if (!daemon.self && daemon.pid == peer->pid()) return true;
    return false;
  }));
  const test::World::DatabaseAway away(world);
  EXPECT_TRUE(test::eventually([&] { return !world.client().status().value().daemons; }));
}

TEST(HttpTenants, WhatALostRowLeftBehindIsFoundAndRemoved) {
  test::World world(test::Settings{{"MTMSG_LIMITS_MAX_QUEUE_LENGTH", "1000"}});
  world.start_daemon();
  auto& client = world.client();
  const auto acme = world.create_tenant("acme");
  const auto beta = world.create_tenant("beta");
  ASSERT_TRUE(client.publish("acme", {std::nullopt, "{}"}).has_value());
  ASSERT_TRUE(test::eventually([&] { return world.stored() == 1; }));
  EXPECT_TRUE(client.orphans({acme.id, beta.id}).value().empty());
  EXPECT_EQ(client.remove_orphan(beta.id).error().error.code, ErrorCode::conflict);
  world.stop_daemon();
  const auto id = "'" + acme.id.to_string() + "'";
  world.sql("delete from tenant_counters where tenant_id = " + id + " returning 1");
  world.sql("delete from tenants where id = " + id + " returning 1");
  world.start_daemon();
  const auto found = world.client().orphans({acme.id, beta.id}).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].tenant, acme.id);
  EXPECT_TRUE(found[0].partition);
  EXPECT_TRUE(found[0].queue);
  ASSERT_TRUE(world.client().remove_orphan(acme.id).has_value());
  EXPECT_TRUE(world.client().orphans({acme.id}).value().empty());
  EXPECT_TRUE(world.client().publish("beta", {std::nullopt, "{}"}).has_value());
}

TEST(HttpTenants, ADeleteLooksBeforeItDeletesAndKeepsWhatItIsTold) {
  test::World world;
  world.start_daemon();
  auto& client = world.client();
  world.create_tenant("acme");
  ASSERT_TRUE(client.publish("acme", {std::nullopt, "{}"}).has_value());
  ASSERT_TRUE(test::eventually([&] { return world.stored() == 1; }));
  EXPECT_EQ(client.delete_tenant("acme", {.if_empty = true}).error().error.code, ErrorCode::conflict);
  EXPECT_EQ(client.tenant("acme").value().tenant.state, TenantState::active);
  const auto deleted = client.delete_tenant("acme", {.keep_messages = true}).value();
  ASSERT_TRUE(deleted.kept_table);
  EXPECT_EQ(world.number("select count(*) from " + *deleted.kept_table), 1);
  EXPECT_EQ(client.tenant("acme").error().error.code, ErrorCode::not_found);
}

}  // namespace
}  // namespace mtmsg
