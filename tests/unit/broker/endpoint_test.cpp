#include "broker/amqp/endpoint.hpp"

#include <gtest/gtest.h>

namespace mtmsg::broker::amqp {
namespace {

/// Of a URL of one host.
Endpoint only(const std::string& url) {
  auto endpoints = parse_url(url).value();
  EXPECT_EQ(endpoints.size(), 1U) << url;
  return endpoints.front();
}

std::string names(const std::string& url) {
  const auto endpoints = parse_url(url);
  if (!endpoints) return "refused";
  std::string all;
  for (const auto& endpoint : *endpoints) all += (all.empty() ? "" : " ") + endpoint.name();
  return all;
}

TEST(BrokerUrl, SaysUserPasswordHostPortAndVhost) {
  const auto endpoint = only("amqp://ann:s%2Fecret@mq.example:5673/a%2Fb");
  EXPECT_EQ(endpoint.user, "ann");
  EXPECT_EQ(endpoint.password, "s/ecret");
  EXPECT_EQ(endpoint.host, "mq.example");
  EXPECT_EQ(endpoint.port, 5673);
  EXPECT_EQ(endpoint.vhost, "a/b");
  EXPECT_EQ(endpoint.name(), "mq.example:5673");
}

TEST(BrokerUrl, MeansTheVhostSlashWithoutAPath) {
  for (const auto* url : {"amqp://u:p@h", "amqp://u:p@h/", "amqp://u:p@h/%2F", "amqp://u:p@h/%2f"}) {
    EXPECT_EQ(only(url).vhost, "/") << url;
  }
  EXPECT_EQ(only("amqp://u:p@h").port, 5672);
}

TEST(BrokerUrl, MeansTlsOnEveryHostWithAmqps) {
  for (const auto& endpoint : parse_url("amqps://u:p@one,two:5673/").value()) EXPECT_TRUE(endpoint.tls);
  EXPECT_EQ(names("amqps://u:p@one,two:5673/"), "one:5671 two:5673");
  EXPECT_FALSE(only("amqp://u:p@h").tls);
}

TEST(BrokerUrl, TakesAnIpv6Address) {
  const auto endpoint = only("amqp://u:p@[::1]:5673/");
  EXPECT_EQ(endpoint.host, "::1");
  EXPECT_EQ(endpoint.name(), "[::1]:5673");
}

TEST(BrokerUrl, IsRefusedWithoutRepeatingIt) {
  for (const auto* url :
       {"", "http://u:geheim@h", "amqp://u:geheim@h:port", "amqp://u:geheim@h:99999", "amqp://u:geheim@h:0",
        "amqps://u:geheim@h:0", "amqp://u:geheim@h/%zz", "amqp://u:geheim@h1,h2:port/", "amqp://u:geheim@h1,h2:0/",
        "amqps://u:geheim@h1,,h2/", "amqp://u:geheim@h1,,h2/", "amqp://u:geheim@,h2/", "amqp://u:geheim@h1,/",
        "amqp://u:geheim@,", "amqp://u:geheim@h1,[::1/"}) {
    const auto endpoint = parse_url(url);
    ASSERT_FALSE(endpoint.has_value()) << url;
    EXPECT_EQ(endpoint.error().code, ErrorCode::invalid_argument) << url;
    EXPECT_EQ(endpoint.error().message.find("geheim"), std::string::npos);
  }
}

TEST(BrokerUrl, MayNameSeveralHostsThatShareTheRest) {
  const auto endpoints = parse_url("amqp://ann:a%2Cb%40c@one:5673,[::1],three:5674/v%2Ch").value();
  ASSERT_EQ(endpoints.size(), 3U);
  for (const auto& endpoint : endpoints) {
    EXPECT_EQ(endpoint.user, "ann");
    EXPECT_EQ(endpoint.password, "a,b@c");
    EXPECT_EQ(endpoint.vhost, "v,h");
  }
  EXPECT_EQ(names("amqp://ann:a%2Cb@one:5673,[::1],three:5674/"), "one:5673 [::1]:5672 three:5674");
  EXPECT_EQ(names("amqp://one,two"), "one:5672 two:5672");
  EXPECT_EQ(names("amqp://u:p,q@one,two/v,w"), "one:5672 two:5672");
}

TEST(BrokerUrl, NamesNoMoreHostsThanAnybodyHas) {
  std::string hosts = "h";
  for (std::size_t i = 1; i < kMaxHosts; ++i) hosts += ",h";
  EXPECT_EQ(parse_url("amqp://u:p@" + hosts + "/").value().size(), kMaxHosts);
  EXPECT_FALSE(parse_url("amqp://u:p@" + hosts + ",h/").has_value());
  EXPECT_FALSE(parse_url("amqp://u:p@" + std::string(1'000'000, ',')).has_value());
}

TEST(Turn, GoesOnAfterTheOneThatWasTriedLast) {
  Turn turn;
  EXPECT_EQ(turn.first(3), 0U);
  turn.tried(turn.first(3));  // it fails
  EXPECT_EQ(turn.first(3), 1U);
  turn.tried(turn.first(3));  // works, until it is lost
  EXPECT_EQ(turn.first(3), 2U);
  turn.tried(turn.first(3));
  EXPECT_EQ(turn.first(3), 0U);
  turn.tried(0);
  EXPECT_EQ(turn.first(1), 0U);
}

}  // namespace
}  // namespace mtmsg::broker::amqp
