#include "broker/amqp/endpoint.hpp"

#include <gtest/gtest.h>

namespace mtmsg::broker::amqp {
namespace {

TEST(BrokerUrl, SaysUserPasswordHostPortAndVhost) {
  const auto endpoint = parse_url("amqp://ann:s%2Fecret@mq.example:5673/a%2Fb").value();
  EXPECT_EQ(endpoint.user, "ann");
  EXPECT_EQ(endpoint.password, "s/ecret");
  EXPECT_EQ(endpoint.host, "mq.example");
  EXPECT_EQ(endpoint.port, 5673);
  EXPECT_EQ(endpoint.vhost, "a/b");
  EXPECT_EQ(endpoint.name(), "mq.example:5673");
}

TEST(BrokerUrl, MeansTheVhostSlashWithoutAPath) {
  for (const auto* url : {"amqp://u:p@h", "amqp://u:p@h/", "amqp://u:p@h/%2F", "amqp://u:p@h/%2f"}) {
    EXPECT_EQ(parse_url(url).value().vhost, "/") << url;
  }
  EXPECT_EQ(parse_url("amqp://u:p@h").value().port, 5672);
}

TEST(BrokerUrl, TakesAnIpv6Address) {
  const auto endpoint = parse_url("amqp://u:p@[::1]:5673/").value();
  EXPECT_EQ(endpoint.host, "::1");
  EXPECT_EQ(endpoint.name(), "[::1]:5673");
}

TEST(BrokerUrl, IsRefusedWithoutRepeatingIt) {
  for (const auto* url : {"", "http://u:geheim@h", "amqp://u:geheim@h:port", "amqp://u:geheim@h:99999",
                          "amqp://u:geheim@h:0", "amqps://u:geheim@h", "amqp://u:geheim@h/%zz"}) {
    const auto endpoint = parse_url(url);
    ASSERT_FALSE(endpoint.has_value()) << url;
    EXPECT_EQ(endpoint.error().code, ErrorCode::invalid_argument) << url;
    EXPECT_EQ(endpoint.error().message.find("geheim"), std::string::npos);
  }
}

}  // namespace
}  // namespace mtmsg::broker::amqp
