// The data path with a real daemon, a real RabbitMQ, a real PostgreSQL and a producer that is not ours.

#include <set>
#include <thread>

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <signal.h>

#include "broker/topology.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

namespace json = boost::json;

std::string line(json::object message) {
  return json::serialize(message) + "\n";
}

/// A reader that keeps its cursor, and what it has seen: number and id.
struct Reader {
  explicit Reader(unsigned limit) { query.limit = limit; }
  /// Takes the next page; whether there is more at the moment.
  bool read_page(client::Client& client, const std::string& tenant) {
    const auto page = client.messages(tenant, query);
    if (page.has_error()) throw std::runtime_error(page.error().error.message);
    const auto document = json::parse(page->text).as_object();
    for (const auto& message : document.at("data").as_array()) {
      seen.emplace_back(message.at("seq").to_number<std::int64_t>(), std::string(message.at("id").as_string()));
    }
    query.cursor = std::string(document.at("next_cursor").as_string());
    return document.at("has_more").as_bool();
  }

  client::MessageQuery query;
  std::vector<std::pair<std::int64_t, std::string>> seen;
};

/// The number of KEY=NUMBER in the last line of a log that has it; -1 without one.
std::int64_t reported(const std::string& log, const std::string& key) {
  const auto at = log.rfind(" " + key + "=");
  return at == std::string::npos ? -1 : std::stoll(log.substr(at + key.size() + 2));
}

TEST(DataPath, AForeignClientsMessagesAreReadBackEqualByBothWaysIn) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  const std::vector<std::string> payloads = {
      R"({"a":1,"b":[true,null,"ü€𝄞"],"c":{"d":1e400,"e":-0.0}})",          "42", R"("text")", "[]", "null",
      R"({"big":123456789012345678901234567890.123456789,"dup":1,"dup":2})"};
  std::string lines;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    json::object message{{"body", payloads[i]},
                         {"message_id", "order-" + std::to_string(i)},
                         {"content_type", "application/json"},
                         {"timestamp", 1767225600},
                         {"headers", json::object{{"trace", "t" + std::to_string(i)}}}};
    if (i % 2 == 0) {
      message["exchange"] = broker::tenant_exchange(tenant.id);
    } else {
      message["routing_key"] = broker::tenant_queue(tenant.id);
    }
    lines += line(message);
  }
  foreign_publish(lines);
  ASSERT_TRUE(eventually([&] { return world.stored() == static_cast<std::int64_t>(payloads.size()); }))
      << world.picture();
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const auto where = " from messages where seq = " + std::to_string(i + 1);
    EXPECT_EQ(world.sql("select $mt$" + payloads[i] + "$mt$::jsonb = payload" + where), "t") << payloads[i];
    EXPECT_EQ(world.sql("select headers->>'trace'" + where), "t" + std::to_string(i));
    EXPECT_EQ(world.sql("select headers->'amqp'->>'content_type'" + where), "application/json");
    EXPECT_EQ(world.sql("select headers->'amqp'->>'message_id'" + where), "order-" + std::to_string(i));
    EXPECT_EQ(world.sql("select extract(epoch from published_at)::bigint" + where), "1767225600");
    const auto id = Uuid::v5(tenant.id.value, "order-" + std::to_string(i)).to_string();
    EXPECT_EQ(world.sql("select id" + where), id);
    const auto message = world.client().message("acme", id);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(world.sql("select ($mt$" + *message + "$mt$::jsonb)->'payload' = payload" + where), "t");
  }
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(DataPath, WhatIsPublishedThroughTheApiIsStoredOnceUnderTheIdItWasGiven) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  wire::PublishRequest request;
  request.id = "0190f3c8-0000-7000-8000-000000000001";
  request.payload = R"({"exact":1e400})";
  for (int i = 0; i < 3; ++i) {
    const auto id = world.client().publish("acme", request);
    ASSERT_TRUE(id.has_value()) << id.error().error.message;
    EXPECT_EQ(id->to_string(), *request.id);
  }
  ASSERT_TRUE(eventually([&] { return world.stored() == 1; }));
  EXPECT_EQ(world.sql("select payload = '{\"exact\":1e400}'::jsonb from messages"), "t");
  ASSERT_TRUE(eventually([&] {
    const auto view = world.client().tenant("acme");
    return view.has_value() && view->activity.duplicates == 2 && view->activity.unacked == 0;
  }));
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(DataPath, PoisonBecomesADeadLetterAndItsNeighboursAreStored) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  std::string lines;
  const std::vector<std::string> poison = {"{", "", R"("\u0000")", R"(["\ud800"])", "1e131072", "\xff"};
  for (const auto& body : poison) {
    for (int i = 0; i < 3; ++i) {
      lines += line({{"exchange", broker::tenant_exchange(tenant.id)}, {"body", R"({"good":true})"}});
    }
    // JSON text can't carry every byte, so the body travels as base64 where it has to.
    if (body == "\xff") {
      lines += line({{"exchange", broker::tenant_exchange(tenant.id)}, {"body_base64", "/w=="}});
    } else {
      lines += line({{"exchange", broker::tenant_exchange(tenant.id)}, {"body", body}});
    }
  }
  foreign_publish(lines);
  const auto good = static_cast<std::int64_t>(poison.size() * 3);
  ASSERT_TRUE(eventually([&] { return world.stored() == good; })) << world.picture();
  ASSERT_TRUE(eventually(
      [&] { return world.number("select count(*) from dead_letters") == static_cast<std::int64_t>(poison.size()); }));
  EXPECT_EQ(world.sql("select count(*) from dead_letters where reason = 'invalid_json'"), "3");
  EXPECT_EQ(world.sql("select count(*) from dead_letters where reason = 'rejected_by_database' and sqlstate <> ''"),
            "3");
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(DataPath, NumbersHaveNoHolesWithFourWritersAndTenTenants) {
  World world(Settings{{"MTMSG_DATABASE_WRITERS", "4"}});
  world.start_daemon();
  std::vector<TenantId> tenants;
  for (unsigned i = 0; i < 10; ++i) tenants.push_back(world.create_tenant("t" + std::to_string(i), 1 + i % 4).id);
  constexpr std::int64_t kMessages = 20'000;
  const auto flood = foreign_flood(world, tenants, kMessages, 1);
  ASSERT_EQ(flood->wait(std::chrono::seconds(120)), 0) << flood->output();
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; }, std::chrono::seconds(60))) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_TRUE(eventually([&] { return world.queues_empty(); }));
}

TEST(DataPath, AReaderThatPollsDuringHeavyWritingSeesExactlyTheTable) {
  World world(Settings{{"MTMSG_DATABASE_WRITERS", "4"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme", 4);
  constexpr std::size_t kMessages = 15'000;
  const auto flood = foreign_flood(world, {tenant.id}, kMessages, 2);
  Reader reader(137);
  ASSERT_TRUE(eventually(
      [&] {
        reader.read_page(world.client(), "acme");
        return reader.seen.size() >= kMessages;
      },
      std::chrono::seconds(120)));
  const auto& seen = reader.seen;
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i].first, static_cast<std::int64_t>(i + 1));
  EXPECT_EQ(seen.size(), kMessages);
  Reader whole(1000);
  while (whole.read_page(world.client(), "acme")) {
  }
  EXPECT_EQ(seen, whole.seen);
  EXPECT_EQ(flood->wait(std::chrono::seconds(10)), 0);
}

TEST(DataPath, ChangedWorkersTakeEffectWhileMessagesFlow) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme", 1);
  constexpr std::int64_t kMessages = 15'000;
  const auto flood = foreign_flood(world, {tenant.id}, kMessages, 3);
  for (const unsigned workers : {8U, 2U, 20U, 1U, 5U}) {
    const auto before = world.stored();
    ASSERT_TRUE(world.client().set_concurrency("acme", workers).has_value());
    const auto view = world.client().tenant("acme");
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->tenant.workers, workers);
    EXPECT_TRUE(view->activity.consuming);
    ASSERT_TRUE(eventually([&] { return world.stored() > before || world.stored() == kMessages; }));
  }
  ASSERT_EQ(flood->wait(std::chrono::seconds(120)), 0);
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; }));
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(DataPath, AKilledDaemonLeavesNothingLostNothingTwiceAfterARestart) {
  World world(Settings{{"MTMSG_DATABASE_WRITERS", "4"}});
  world.start_daemon();
  std::vector<TenantId> tenants;
  for (unsigned i = 0; i < 5; ++i) tenants.push_back(world.create_tenant("t" + std::to_string(i), 1 + i).id);
  constexpr std::int64_t kMessages = 20'000;
  const auto flood = foreign_flood(world, tenants, kMessages, 4);
  for (const std::int64_t moment : {2'000, 6'000, 11'000}) {
    ASSERT_TRUE(eventually([&] { return world.stored() >= moment; })) << world.picture();
    world.kill_daemon();
    world.start_daemon();
  }
  ASSERT_EQ(flood->wait(std::chrono::seconds(120)), 0);
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; }, std::chrono::seconds(60))) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
  EXPECT_TRUE(eventually([&] { return world.queues_empty(); }));
}

TEST(DataPath, AStopUnderLoadLosesAndRepeatsNothing) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme", 8);
  constexpr std::int64_t kMessages = 20'000;
  const auto flood = foreign_flood(world, {tenant.id}, kMessages, 5);
  ASSERT_TRUE(eventually([&] { return world.stored() >= 2'000; }));
  EXPECT_EQ(world.stop_daemon(), 0) << world.picture();
  const auto report = world.log();
  // Acks of what was committed just before the stop may come on top.
  EXPECT_GE(reported(report, "acked"), reported(report, "committed")) << report;
  EXPECT_EQ(reported(report, "left_to_broker"), 0) << report;
  world.start_daemon();
  ASSERT_EQ(flood->wait(std::chrono::seconds(120)), 0);
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; }, std::chrono::seconds(60))) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(DataPath, WithTheMemoryBudgetReachedTheDaemonStopsReadingAndKeepsItsConnection) {
  constexpr std::uint64_t kBudget = 1 << 20;
  World world(Settings{{"MTMSG_LIMITS_MEMORY_BYTES", "1MiB"}, {"MTMSG_BROKER_HEARTBEAT", "1s"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme", 64);
  const auto connected = [&] {
    const auto status = world.client().status();
    for (const auto& link : status->links) {
      if (link.name == "delivery") return std::pair(link.connected, link.since);
    }
    return std::pair(false, Timestamp{});
  };
  const auto before = connected();
  constexpr std::int64_t kMessages = 6'000;
  {
    // Somebody holds the tenant's counter: no transaction of a writer gets further.
    pqxx::connection connection(world.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters for update");
    const auto flood = foreign_flood(world, {tenant.id}, kMessages, 8);
    ASSERT_EQ(flood->wait(std::chrono::seconds(60)), 0) << flood->output();
    ASSERT_TRUE(eventually([&] { return world.client().status()->pipeline.in_flight_bytes >= kBudget; }));
    // Longer than the broker bears without a heartbeat.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(4);
    while (std::chrono::steady_clock::now() < until) {
      ASSERT_LT(world.client().status()->pipeline.in_flight_bytes, kBudget + 256 * 600);
      short_pause();
    }
    EXPECT_EQ(world.stored(), 0);
  }
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; }, std::chrono::seconds(60))) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(connected(), before) << "the connection was never lost";
  EXPECT_EQ(world.client().status()->pipeline.duplicates, 0U);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(DataPath, ATenantThatIsHeldDoesNotUseUpTheMemoryOfItsNeighbours) {
  World world(Settings{{"MTMSG_LIMITS_MEMORY_BYTES", "1MiB"}});
  world.start_daemon();
  const auto held = world.create_tenant("held", 64);
  const auto neighbour = world.create_tenant("neighbour");
  // Its consumer is open when the lock comes.
  ASSERT_EQ(foreign_flood(world, {held.id}, 10, 9)->wait(std::chrono::seconds(30)), 0);
  ASSERT_TRUE(eventually([&] { return world.stored() == 10; }));
  constexpr std::int64_t kHeld = 6'000;
  {
    pqxx::connection connection(world.database_url());
    pqxx::work holder(connection);
    holder.exec("select * from tenant_counters where tenant_id = '" + held.id.to_string() + "' for update");
    ASSERT_EQ(foreign_flood(world, {held.id}, kHeld, 10)->wait(std::chrono::seconds(60)), 0);
    ASSERT_EQ(foreign_flood(world, {neighbour.id}, 1'000, 11)->wait(std::chrono::seconds(60)), 0);
    EXPECT_TRUE(eventually([&] { return world.stored() == 1'010; })) << world.picture();
    EXPECT_NE(world.log().find("tenant_held"), std::string::npos);
  }
  EXPECT_TRUE(eventually([&] { return world.stored() >= kHeld + 1'010; })) << world.picture();
  EXPECT_EQ(world.stored(), kHeld + 1'010);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
}

TEST(DataPath, ASecondSignalEndsTheDaemonAtOnceAndNothingIsLost) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme", 8);
  constexpr std::int64_t kMessages = 10'000;
  const auto flood = foreign_flood(world, {tenant.id}, kMessages, 6);
  ASSERT_TRUE(eventually([&] { return world.stored() >= 1'000; }));
  world.daemon().signal(SIGTERM);
  world.daemon().signal(SIGTERM);
  ASSERT_TRUE(world.daemon().wait(std::chrono::seconds(10)).has_value()) << world.picture();
  world.start_daemon();
  ASSERT_EQ(flood->wait(std::chrono::seconds(120)), 0);
  ASSERT_TRUE(eventually([&] { return world.stored() >= kMessages; }, std::chrono::seconds(60))) << world.picture();
  EXPECT_EQ(world.stored(), kMessages);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

}  // namespace
}  // namespace mtmsg::test
