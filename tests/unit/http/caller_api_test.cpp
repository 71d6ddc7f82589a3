#include <gmock/gmock.h>

#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

auth::Peer stranger() {
  auth::Peer peer;
  peer.address = "192.0.2.7";
  return peer;
}

TEST_F(ApiTest, LooksAtNoCredentialsOfAnAddressThatFailedTooOften) {
  world_.callers.set_failure_limit(3);
  const Options guess{.peer = stranger(), .headers = {{"Authorization", "Bearer guessed"}}};
  for (int n = 0; n < 3; ++n) EXPECT_EQ(call("GET", "/tenants", {}, guess).status, 401);
  const auto held = call("GET", "/tenants", {}, guess);
  EXPECT_EQ(held.status, 429);
  EXPECT_EQ(code(held), "rate_limited");
  EXPECT_EQ(*held.header("Retry-After"), "10");
  // Nothing is guessed by whoever shows nothing, and health is for all.
  EXPECT_EQ(call("GET", "/tenants", {}, {.peer = stranger()}).status, 401);
  EXPECT_EQ(call("GET", "/healthz", {}, guess).status, 200);
  world_.now += std::chrono::seconds(10);
  EXPECT_EQ(call("GET", "/tenants", {}, guess).status, 401);
}

TEST_F(ApiTest, DoesNotCountTheUnixSocketsRequests) {
  world_.callers.set_request_rate(1);
  for (int n = 0; n < 10; ++n) EXPECT_EQ(call("GET", "/tenants").status, 200);
}

TEST_F(ApiTest, PassesTheTraceOnIntoEveryMessage) {
  constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  tenant();
  const Options traced{.headers = {{"traceparent", kParent}, {"tracestate", "a=1"}}};
  EXPECT_EQ(call("POST", "/tenants/acme/messages", R"({"payload":1})", traced).status, 202);
  EXPECT_THAT(world_.published.at(0).headers, ElementsAre(Pair("traceparent", kParent), Pair("tracestate", "a=1")));
  const Options lines{.type = "application/x-ndjson", .headers = traced.headers};
  EXPECT_EQ(call("POST", "/tenants/acme/messages", "{\"payload\":1}\n{\"payload\":2}\n", lines).status, 202);
  EXPECT_EQ(world_.published.at(2).headers, world_.published.at(0).headers);
  const Options broken{.headers = {{"traceparent", "00-0-0-01"}, {"tracestate", "a=1"}}};
  EXPECT_EQ(call("POST", "/tenants/acme/messages", R"({"payload":1})", broken).status, 202);
  EXPECT_THAT(world_.published.at(3).headers, IsEmpty());
}

}  // namespace
}  // namespace mtmsg::http
