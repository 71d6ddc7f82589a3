// What a program that asks is owed, with a real daemon and a client that is not ours (curl).

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Arguments = std::vector<std::string>;

constexpr auto kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr auto kOther = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class HttpComfortTest : public testing::Test {
 protected:
  /// What curl prints; `more` are its options, `path` begins with a slash.
  std::string curl(const std::string& path, const Arguments& more = {}) const {
    return curl_from("http://localhost" + path, {"--unix-socket", world_.folder() + "/mtmsgd.sock"}, more);
  }
  std::string curl_tcp(const std::string& path, const Arguments& more = {}) const {
    return curl_from("http://127.0.0.1:" + std::to_string(world_.port()) + path, {}, more);
  }
  static std::string curl_from(const std::string& url, const Arguments& way, const Arguments& more) {
    Arguments command{"/usr/bin/curl", "-sS"};
    command.insert(command.end(), way.begin(), way.end());
    command.insert(command.end(), more.begin(), more.end());
    command.push_back(url);
    const auto finished = run(command);
    if (finished.exit_code != 0) throw std::runtime_error("curl: " + finished.err);
    return finished.out;
  }
  /// Publishes through the API; what curl prints.
  std::string publish(const std::string& id, const Arguments& more = {}) const {
    Arguments options{"-H", "Content-Type: application/json", "-d",
                      R"({"id":")" + id + R"(","payload":{"text":")" + std::string(200, 'x') + R"("}})"};
    options.insert(options.end(), more.begin(), more.end());
    return curl("/tenants/acme/messages", options);
  }
  std::string header_of(const std::string& original_id, const std::string& header) const {
    return world_.sql("select coalesce(headers->>'" + header +
                      "', 'none') from messages where headers->'amqp'->>'message_id' = '" + original_id + "'");
  }

  World world_;
};

TEST_F(HttpComfortTest, ATraceGoesIntoTheStoredMessageByBothWaysInAndIsNeverInvented) {
  world_.set("MTMSG_LOG_LEVEL", "debug");
  world_.start_daemon();
  const auto tenant = world_.create_tenant("acme");
  EXPECT_THAT(publish("traced", {"-H", std::string("traceparent: ") + kParent, "-H", "tracestate: a=1", "-H",
                                 "X-Request-Id: order-7"}),
              HasSubstr("queued"));
  EXPECT_THAT(publish("untraced"), HasSubstr("queued"));
  EXPECT_THAT(publish("broken", {"-H", "traceparent: 00-nonsense", "-H", "tracestate: a=1"}), HasSubstr("queued"));
  foreign_publish(
      boost::json::serialize(boost::json::object{{"exchange", broker::tenant_exchange(tenant.id)},
                                                 {"body", "1"},
                                                 {"message_id", "foreign"},
                                                 {"headers", boost::json::object{{"traceparent", kOther}}}}) +
      "\n");
  ASSERT_TRUE(eventually([&] { return world_.stored() == 4; })) << world_.picture();
  EXPECT_EQ(header_of("traced", "traceparent"), kParent);
  EXPECT_EQ(header_of("traced", "tracestate"), "a=1");
  EXPECT_EQ(header_of("foreign", "traceparent"), kOther);
  for (const auto* const id : {"untraced", "broken"}) {
    EXPECT_EQ(header_of(id, "traceparent"), "none") << id;
    EXPECT_EQ(header_of(id, "tracestate"), "none") << id;
  }
  EXPECT_TRUE(eventually([&] { return world_.logged("request", "request_id=order-7") == 1; }));
  EXPECT_EQ(world_.logged("request", std::string("traceparent=") + kParent), 1U);
  EXPECT_EQ(world_.logged("request", "route=/tenants/{t}/messages status=202"), 3U) << world_.log();
}

TEST_F(HttpComfortTest, AFailureHasTheRequestsIdInTheAnswerAndInTheLog) {
  world_.start_daemon();
  world_.create_tenant("acme");
  const World::DatabaseAway away(world_);
  const auto answer = curl("/tenants/acme/messages", {"-i", "-H", "X-Request-Id: order-8"});
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("X-Request-Id: order-8"), HasSubstr("Retry-After: "),
                            HasSubstr(R"("request_id":"order-8")")));
  EXPECT_EQ(world_.logged("request_failed", "request_id=order-8"), 1U) << world_.log();
}

TEST_F(HttpComfortTest, PagesAndStreamsComePackedForWhoAsksAndAreTheSame) {
  world_.start_daemon();
  world_.create_tenant("acme");
  for (int n = 0; n < 20; ++n) EXPECT_THAT(publish("m-" + std::to_string(n)), HasSubstr("queued"));
  ASSERT_TRUE(eventually([&] { return world_.stored() == 20; })) << world_.picture();
  for (const auto* const accept : {"Accept: application/json", "Accept: application/x-ndjson"}) {
    const Arguments plainly{"-H", accept};
    const auto plain = curl("/tenants/acme/messages", plainly);
    EXPECT_EQ(curl("/tenants/acme/messages", {"-H", accept, "--compressed"}), plain);
    const auto packed = curl("/tenants/acme/messages", {"-i", "-H", accept, "-H", "Accept-Encoding: gzip"});
    EXPECT_THAT(packed, AllOf(HasSubstr("Content-Encoding: gzip"), HasSubstr("Vary: Accept-Encoding")));
    EXPECT_LT(packed.size(), plain.size() / 2);
  }
  EXPECT_THAT(curl("/healthz", {"-i", "--compressed"}), Not(HasSubstr("Content-Encoding")));
}

TEST_F(HttpComfortTest, AConfiguredPageMayAskAndReadEvenRefusals) {
  world_.set("MTMSG_HTTP_CORS_ORIGINS", "https://app.example.org");
  world_.launch_daemon();
  const Arguments asks{
      "-i", "-X", "OPTIONS", "-H", "Origin: https://app.example.org", "-H", "Access-Control-Request-Method: PUT"};
  EXPECT_THAT(curl_tcp("/tenants/acme/config/concurrency", asks),
              AllOf(HasSubstr("HTTP/1.1 204"), HasSubstr("Access-Control-Allow-Methods: GET, HEAD, PUT"),
                    HasSubstr("Access-Control-Allow-Origin: https://app.example.org"), HasSubstr("Vary: Origin")));
  EXPECT_THAT(curl_tcp("/tenants", {"-i", "-H", "Origin: https://app.example.org"}),
              AllOf(HasSubstr("HTTP/1.1 401"), HasSubstr("Access-Control-Allow-Origin: https://app.example.org"),
                    HasSubstr("Access-Control-Expose-Headers: ETag, Location, Retry-After, X-Request-Id"),
                    HasSubstr("X-Content-Type-Options: nosniff"), HasSubstr("Cache-Control: no-store")));
  EXPECT_THAT(curl_tcp("/tenants", {"-i", "-H", "Origin: https://evil.example"}),
              Not(HasSubstr("Access-Control-Allow-Origin")));
}

TEST_F(HttpComfortTest, WhoAsksTooOftenIsToldWhenToComeBack) {
  world_.set("MTMSG_AUTH_MODE", "none");
  world_.set("MTMSG_AUTH_RATE_LIMIT", "5");
  world_.start_daemon();
  // One connection, so that forty come within a second on any machine.
  const auto url = "http://127.0.0.1:" + std::to_string(world_.port()) + "/tenants";
  const auto answers = curl_from(url, {"-i"}, Arguments(39, url));
  std::size_t refused = 0;
  for (auto at = answers.find("HTTP/1.1 429"); at != std::string::npos; at = answers.find("HTTP/1.1 429", at + 1))
    ++refused;
  EXPECT_GE(refused, 10U);
  EXPECT_LE(refused, 35U);
  EXPECT_THAT(answers,
              AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("Retry-After: 1"), HasSubstr(R"("code":"rate_limited")")));
  // The Unix socket's callers are not counted.
  for (int n = 0; n < 20; ++n) EXPECT_THAT(curl("/tenants", {"-i"}), HasSubstr("HTTP/1.1 200"));
}

}  // namespace
}  // namespace mtmsg::test
