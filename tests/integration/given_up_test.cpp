// What the broker gave up: delivered too often, expired, refused by somebody else.

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "integration/support/database.hpp"
#include "support/paths.hpp"
#include "support/raw_broker.hpp"
#include "support/sanitized.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

namespace json = boost::json;

std::string text_of(json::object message) {
  return json::serialize(message) + "\n";
}

/// Takes everything from the tenant's queue, again and again without an answer, until the broker has given it up.
void wear_out(TenantId tenant, const std::vector<std::string>& more = {}) {
  std::vector<std::string> command{"/usr/bin/python3",
                                   MTMSG_SOURCE_DIR "/tests/support/foreign_consumer.py",
                                   "--url",
                                   broker_url(),
                                   "--queue",
                                   broker::tenant_queue(tenant)};
  command.insert(command.end(), more.begin(), more.end());
  const auto finished = run(command);
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
}

std::string id_of(int number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012d", number);
  return text;
}

std::string name_of_partition(TenantId tenant) {
  auto name = "messages_" + tenant.to_string();
  std::erase(name, '-');
  return name;
}

/// Starts the daemon again whenever it died, as systemd does with Restart=always, until it is over; how often it died.
template <class Condition>
int deaths_until(World& world, int most, Condition over) {
  int deaths = 0;
  for (; deaths < most; ++deaths) {
    try {
      world.start_daemon(std::chrono::seconds(10));
    } catch (const std::runtime_error&) {
      continue;  // it did not live so long
    }
    if (eventually([&] { return !world.daemon().running() || over(); }) && world.daemon().running()) break;
  }
  return deaths;
}

TEST(GivenUp, WhatWasDeliveredTooOftenIsTriedOnceMoreAndStored) {
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", "2"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  world.sql("update tenants set max_message_bytes = 10");
  ASSERT_EQ(world.stop_daemon(), 0);
  const auto body = [](int i) {
    return i == 7 ? std::string("{") : i == 8 ? std::string(11, '1') : std::to_string(i % 20);
  };
  std::string lines;
  for (int i = 0; i < 30; ++i) {
    json::object message{
        {"exchange", broker::tenant_exchange(tenant.id)}, {"body", body(i)}, {"headers", json::object{{"app", i}}}};
    // Some have no id, and some of those are the same.
    if (i < 10) message["message_id"] = id_of(i);
    lines += text_of(message);
  }
  foreign_publish(lines);
  wear_out(tenant.id);
  world.start_daemon();
  ASSERT_TRUE(eventually([&] { return world.stored() == 28; })) << world.picture();
  ASSERT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters where tries = 1") == 2; }));
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 2) << "only what is bad stays a dead letter";
  EXPECT_EQ(world.sql("select string_agg(id || reason, ' ' order by id) from dead_letters"),
            id_of(7) + "invalid_json " + id_of(8) + "too_large");
  EXPECT_EQ(world.number("select count(*) from messages where headers - 'app' - 'amqp' = '{}'"), 28)
      << "nothing the broker added stays: " << world.sql("select headers from messages limit 1");
  EXPECT_EQ(world.number("select dead_letters from tenant_counters"), 2);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_TRUE(eventually([&] { return world.dead_letter_queue_depth() == 0; }));
}

TEST(GivenUp, AnExpiredMessageIsADeadLetterOfItsTenantWhateverItsHeadersSay) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  const auto other = world.create_tenant("other");
  ASSERT_EQ(world.stop_daemon(), 0);
  const json::object forged{{"app", 1},
                            {"x-first-death-queue", broker::tenant_queue(other.id)},
                            {"x-first-death-reason", "rejected"},
                            {"x-death", json::array{json::object{{"reason", "rejected"},
                                                                 {"queue", broker::tenant_queue(other.id)},
                                                                 {"exchange", broker::tenant_exchange(other.id)},
                                                                 {"routing-keys", json::array{"forged"}}}}}};
  foreign_publish(text_of({{"exchange", broker::tenant_exchange(tenant.id)},
                           {"routing_key", "orders"},
                           {"body", R"({"late":true})"},
                           {"message_id", id_of(1)},
                           {"expiration", "1"},
                           {"headers", forged}}));
  world.start_daemon();
  ASSERT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 1; })) << world.picture();
  EXPECT_EQ(world.sql("select tenant_id from dead_letters"), tenant.id.to_string());
  EXPECT_EQ(world.sql("select id || ' ' || reason from dead_letters"), id_of(1) + " expired");
  EXPECT_EQ(world.sql("select convert_from(body, 'UTF8') from dead_letters"), R"({"late":true})");
  EXPECT_EQ(world.sql("select convert_from(exchange, 'UTF8') || ' ' || convert_from(routing_key, 'UTF8') from "
                      "dead_letters"),
            broker::tenant_exchange(tenant.id) + " orders");
  EXPECT_EQ(world.sql("select (convert_from(headers, 'UTF8')::jsonb - 'amqp')::text from dead_letters"),
            R"({"app": 1})");
  EXPECT_EQ(world.stored(), 0);
  EXPECT_TRUE(eventually([&] { return world.dead_letter_queue_depth() == 0; }));
}

TEST(GivenUp, WhatAForeignConsumerRefusedIsADeadLetter) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_EQ(world.stop_daemon(), 0);
  foreign_publish(text_of({{"exchange", broker::tenant_exchange(tenant.id)}, {"body", "1"}, {"message_id", id_of(1)}}));
  wear_out(tenant.id, {"--refuse"});
  world.start_daemon();
  ASSERT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 1; })) << world.picture();
  EXPECT_EQ(world.sql("select reason from dead_letters"), "rejected_by_consumer");
}

TEST(GivenUp, MessagesThatAreAlikeAndHaveNoIdAreAsManyDeadLetters) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_EQ(world.stop_daemon(), 0);
  std::string lines;
  for (int i = 0; i < 5; ++i)
    lines += text_of({{"exchange", broker::tenant_exchange(tenant.id)}, {"body", "1"}, {"expiration", "1"}});
  foreign_publish(lines);
  world.start_daemon();
  EXPECT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 5; })) << world.picture();
}

TEST(GivenUp, ADeadLetterQueueWithOtherArgumentsIsTakenAsItIs) {
  World world;
  const auto queue = world.dead_letter_queue();
  const auto script =
      "import pika, sys\nc = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()\n"
      "c.queue_declare(sys.argv[2], durable=True, arguments={'x-queue-type': 'quorum', 'x-max-length': 100000})\n";
  ASSERT_EQ(run({"/usr/bin/python3", "-c", script, broker_url(), queue}).exit_code, 0);
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  world.create_tenant("another");
  foreign_publish(text_of({{"exchange", broker::tenant_exchange(tenant.id)}, {"body", "1"}}) +
                  text_of({{"exchange", world.dead_letter_exchange()},
                           {"routing_key", broker::tenant_exchange(tenant.id)},
                           {"body", "2"}}));
  EXPECT_TRUE(eventually([&] { return world.stored() == 1; })) << world.picture();
  EXPECT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 1; })) << world.picture();
  EXPECT_EQ(world.log().find("not_ready"), std::string::npos) << world.log();
}

TEST(GivenUp, AMessageOfADeletedTenantIsDroppedAndTold) {
  World world;
  world.start_daemon();
  const auto kept = world.create_tenant("kept");
  const TenantId gone{Uuid::v4()};
  const auto dlx = world.dead_letter_exchange();
  foreign_publish(text_of({{"exchange", dlx}, {"routing_key", broker::tenant_exchange(gone)}, {"body", "1"}}) +
                  text_of({{"exchange", dlx}, {"routing_key", "nobody"}, {"body", "2"}}) +
                  text_of({{"exchange", dlx}, {"routing_key", broker::tenant_exchange(kept.id)}, {"body", "3"}}));
  ASSERT_TRUE(eventually([&] { return world.dead_letter_queue_depth() == 0; })) << world.picture();
  ASSERT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 1; })) << world.picture();
  EXPECT_EQ(world.sql("select convert_from(body, 'UTF8') from dead_letters"), "3");
  EXPECT_NE(world.log().find("stray_dead_letter"), std::string::npos);
}

TEST(GivenUp, AMessageThatKillsTheDaemonEndsAsADeadLetterAloneAndNotInALoop) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime has to be loaded first";
  constexpr int kLimit = 4;
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", std::to_string(kLimit)}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  const auto neighbour = world.create_tenant("neighbour");
  world.set("LD_PRELOAD", MTMSG_LIBRARY_DIR "/libkills_daemon.so");
  ASSERT_EQ(world.stop_daemon(), 0);
  std::string lines;
  constexpr int kMessages = 100;
  for (int i = 0; i < kMessages; ++i) {
    const auto& to = i % 4 == 3 ? neighbour : tenant;
    lines += text_of({{"exchange", broker::tenant_exchange(to.id)},
                      {"body", i == 40 ? R"("KILLS-THE-DAEMON")" : std::to_string(i)},
                      {"message_id", id_of(i)}});
  }
  foreign_publish(lines);
  const auto over = [&] {
    return world.number("select count(*) from dead_letters where tries >= 3") == 1 && world.stored() == kMessages - 1 &&
           world.dead_letter_queue_depth() == 0;
  };
  const int deaths = deaths_until(world, 30, over);
  EXPECT_TRUE(over()) << world.picture();
  EXPECT_GE(deaths, kLimit) << "the message must have done its worst";
  EXPECT_LE(deaths, kLimit + 1 + 3 + 1);
  EXPECT_EQ(world.sql("select id || ' ' || reason from dead_letters"), id_of(40) + " delivery_limit");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 1) << "its neighbours are no dead letters";
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(GivenUp, AMessageThatKillsTheDaemonEndsThoughItsIdExpiredOnceBefore) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime has to be loaded first";
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", "2"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_EQ(world.stop_daemon(), 0);
  const json::object killer{
      {"exchange", broker::tenant_exchange(tenant.id)}, {"body", R"("KILLS-THE-DAEMON")"}, {"message_id", id_of(1)}};
  auto expires = killer;
  expires["expiration"] = "1";
  foreign_publish(text_of(expires));
  world.start_daemon();
  ASSERT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 1; })) << world.picture();
  ASSERT_EQ(world.stop_daemon(), 0);
  foreign_publish(text_of(killer));
  wear_out(tenant.id);
  world.set("LD_PRELOAD", MTMSG_LIBRARY_DIR "/libkills_daemon.so");
  const auto over = [&] {
    return world.number("select count(*) from dead_letters where tries >= 3") == 1 &&
           world.dead_letter_queue_depth() == 0;
  };
  EXPECT_EQ(deaths_until(world, 6, over), 3);
  EXPECT_TRUE(over()) << world.picture();
  EXPECT_EQ(world.sql("select string_agg(id || ' ' || reason, ',') from dead_letters"), id_of(1) + " delivery_limit");
}

TEST(GivenUp, MessagesThatAreAlikeAndHaveNoIdAreAllStoredAfterALockOnTheirPartition) {
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", "2"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  const auto neighbour = world.create_tenant("neighbour");
  ASSERT_EQ(world.stop_daemon(), 0);
  std::string lines;
  constexpr int kAlike = 10;
  for (int i = 0; i < kAlike; ++i) lines += foreign_line(tenant.id, "1");
  foreign_publish(lines);
  wear_out(tenant.id);
  foreign_publish(foreign_line(neighbour.id, "2"));
  wear_out(neighbour.id);
  {
    SqlSession gate(world.database_url());
    gate.run("begin; lock table " + name_of_partition(tenant.id) + " in share mode");  // as CREATE INDEX does
    world.start_daemon();
    // It stands behind all of them in the dead-letter queue.
    ASSERT_TRUE(eventually([&] { return world.stored() == 1; })) << world.picture();
  }
  EXPECT_TRUE(eventually([&] { return world.stored() == 1 + kAlike; })) << world.picture();
  EXPECT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 0; })) << world.picture();
  EXPECT_EQ(world.number("select sum(dead_letters) from tenant_counters"), 0);
  EXPECT_TRUE(eventually([&] { return world.dead_letter_queue_depth() == 0; }));
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(GivenUp, AMessageThatIsHeldLosesNoTriesToDaemonsThatStopMeanwhile) {
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", "2"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_EQ(world.stop_daemon(), 0);
  foreign_publish(text_of({{"exchange", broker::tenant_exchange(tenant.id)}, {"body", "1"}, {"message_id", id_of(1)}}) +
                  foreign_line(tenant.id, "2"));
  wear_out(tenant.id);
  {
    SqlSession gate(world.database_url());
    gate.run("begin; lock table " + name_of_partition(tenant.id) + " in share mode");  // as CREATE INDEX does
    for (int deaths = 0; deaths < 5; ++deaths) {
      world.start_daemon();
      const auto tried = "select coalesce(extract(epoch from max(tried_at)) * 1000000, 0)::bigint from dead_letters";
      const auto before = world.number(tried);
      ASSERT_TRUE(eventually([&] { return world.number(tried) > before; })) << world.picture();
      ASSERT_TRUE(eventually([&] { return world.number("select max(tries) from dead_letters") == 0; }));
      world.kill_daemon();
    }
  }
  world.start_daemon();
  EXPECT_TRUE(eventually([&] { return world.stored() == 2; })) << world.picture();
  EXPECT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 0; })) << world.picture();
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(GivenUp, AMessageOfATenantWhoseDeleteIsCalledOffIsTried) {
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", "2"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_TRUE(world.client().pause_tenant("acme").has_value());
  foreign_publish(foreign_line(tenant.id, "1") + foreign_line(tenant.id, "2"));
  ASSERT_TRUE(eventually([&] { return world.queue(tenant.id)->ready == 2; }));
  {
    // What somebody has in hand holds the delete up; meanwhile the other message is given up.
    const RawConsumers stranger({broker::tenant_queue(tenant.id)}, 1);
    ASSERT_TRUE(eventually([&] { return world.queue(tenant.id)->ready == 1; }));
    world.sql("update tenants set state = 'deleting', delete_if_empty = true");
    ASSERT_TRUE(eventually([&] { return world.logged("tenant_delayed", "still consumes") > 0; })) << world.picture();
    wear_out(tenant.id);
    ASSERT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 1; })) << world.picture();
    EXPECT_EQ(world.dead_letter_queue_depth(), 0U);
  }
  ASSERT_TRUE(eventually([&] { return world.sql("select state from tenants") == "active"; })) << world.picture();
  EXPECT_TRUE(eventually([&] { return world.stored() == 1; })) << world.picture();
  EXPECT_TRUE(eventually([&] { return world.number("select count(*) from dead_letters") == 0; })) << world.picture();
}

TEST(GivenUp, ThoseOfATenantThatIsHeldHoldUpNobodyElses) {
  World world;
  world.start_daemon();
  const auto held = world.create_tenant("held");
  const auto neighbour = world.create_tenant("neighbour");
  const auto given_up = [&](TenantId tenant, int number) {
    return text_of({{"exchange", world.dead_letter_exchange()},
                    {"routing_key", broker::tenant_exchange(tenant)},
                    {"body", std::to_string(number)},
                    {"message_id", id_of(number)}});
  };
  constexpr int kHeld = 200;
  const auto letters_of = [&](TenantId tenant) {
    return world.number("select count(*) from dead_letters where tenant_id = '" + tenant.to_string() + "'");
  };
  {
    SqlSession gate(world.database_url());
    gate.run("begin; select 1 from tenant_counters where tenant_id = '" + held.id.to_string() + "' for update");
    std::string lines;
    for (int i = 0; i < kHeld; ++i) lines += given_up(held.id, i);
    for (int i = 0; i < 10; ++i) lines += given_up(neighbour.id, kHeld + i);
    foreign_publish(lines);
    EXPECT_TRUE(eventually([&] { return letters_of(neighbour.id) == 10; })) << world.picture();
    EXPECT_EQ(letters_of(held.id), 0);
  }
  EXPECT_TRUE(eventually([&] { return letters_of(held.id) == kHeld; })) << world.picture();
  EXPECT_TRUE(eventually([&] { return world.dead_letter_queue_depth() == 0; }));
}

TEST(GivenUp, MessagesThatKillTheDaemonAndAreAlikeAndHaveNoIdAreAsManyDeadLetters) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime has to be loaded first";
  World world(Settings{{"MTMSG_BROKER_DELIVERY_LIMIT", "2"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  ASSERT_EQ(world.stop_daemon(), 0);
  const auto killer = foreign_line(tenant.id, R"("KILLS-THE-DAEMON")");
  foreign_publish(killer + killer);
  wear_out(tenant.id);
  world.set("LD_PRELOAD", MTMSG_LIBRARY_DIR "/libkills_daemon.so");
  const auto over = [&] {
    return world.number("select count(*) from dead_letters where tries >= 3") == 2 &&
           world.dead_letter_queue_depth() == 0;
  };
  EXPECT_LE(deaths_until(world, 8, over), 6);
  EXPECT_TRUE(over()) << world.picture();
  EXPECT_EQ(world.sql("select string_agg(reason || ' ' || convert_from(body, 'UTF8'), ',') from dead_letters"),
            R"(delivery_limit "KILLS-THE-DAEMON",delivery_limit "KILLS-THE-DAEMON")");
  EXPECT_EQ(world.number("select sum(dead_letters) from tenant_counters"), 2);
}

}  // namespace
}  // namespace mtmsg::test
