// A client of RabbitMQ that sends what AMQP allows and nobody expects: what can be stored is stored, nobody else is
// touched, nothing crashes.

#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "support/paths.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

TEST(HostileHeaders, AreStoredWithTheirMessageAndDecideNothing) {
  World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  const auto neighbour = world.create_tenant("neighbour").id;
  const auto sent = run({"/usr/bin/python3", MTMSG_SOURCE_DIR "/tests/support/hostile_client.py", "--url", broker_url(),
                         "--exchange", broker::tenant_exchange(tenant)});
  ASSERT_EQ(sent.exit_code, 0) << sent.out << sent.err;
  std::set<std::string> names;
  std::istringstream lines(sent.out);
  for (std::string name; std::getline(lines, name);) names.insert(name);
  ASSERT_GT(names.size(), 20U);
  ASSERT_TRUE(eventually([&] { return world.stored() == static_cast<std::int64_t>(names.size()); }))
      << world.sql("select string_agg(payload->>'case', ' ') from messages") << world.picture();
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
  EXPECT_EQ(world.number("select count(*) from messages where tenant_id = '" + neighbour.to_string() + "'"), 0);
  EXPECT_EQ(world.gaps_and_doubles(), "");
  const auto of = [&](const std::string& name, const std::string& what) {
    return world.sql("select " + what + " from messages where payload->>'case' = '" + name + "'");
  };
  EXPECT_EQ(of("every_type", "headers->>'t'"), "true");
  EXPECT_EQ(of("every_type", "headers->>'B'"), "255");
  EXPECT_EQ(of("every_type", "headers->>'b'"), "-128");
  EXPECT_EQ(of("every_type", "headers->>'l'"), "-9223372036854775808");
  EXPECT_EQ(of("every_type", "headers->'A'->1->1"), R"({"three": null})");
  EXPECT_EQ(of("every_type", "headers->'x'"), R"({"base64": "AP/+AQ=="})");
  EXPECT_EQ(of("long_string", "length(headers->>'long') > 130000"), "t");
  EXPECT_EQ(of("many_headers", "headers->>'h4999'"), "4999");
  EXPECT_EQ(of("no_text", "headers->'bytes'->>'base64'"), "//4Awyg=");
  EXPECT_EQ(of("forged_delivery_count", "headers->>'x-delivery-count'"), "99") << "it is the sender's, so it is kept";
  EXPECT_EQ(of("forged_death", "headers->>'x-first-death-queue'"), "tenant_other");
  EXPECT_EQ(of("named_amqp", "headers->'amqp'->>'message_id'"), "named_amqp") << "nobody forges a property";
  EXPECT_EQ(of("time_far_away", "published_at is null"), "t");
  // Everything can be read back, and what came after is stored as ever.
  for (const auto& name : names) {
    EXPECT_TRUE(world.client().message("acme", of(name, "id")).has_value()) << name;
  }
  foreign_publish(foreign_line(tenant, R"({"case":"after"})") + foreign_line(neighbour, "1"));
  EXPECT_TRUE(eventually([&] { return world.stored() == static_cast<std::int64_t>(names.size()) + 2; }));
  EXPECT_EQ(world.logged("consumer_lost"), 0U) << world.log();
  EXPECT_TRUE(world.daemon().running());
}

}  // namespace
}  // namespace mtmsg::test
