#include "http/cors.hpp"

#include <gmock/gmock.h>

#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

constexpr std::string_view kPage = "https://app.example.org";

class CorsTest : public testing::Test {
 protected:
  Request request(std::string_view method, std::vector<HeaderLine> headers) {
    headers_ = std::move(headers);
    return {method, "/tenants", headers_, peer_, body_};
  }
  static Response dressed(const Cors& cors, std::string_view origin) {
    Response response = Response::of(fail(ErrorCode::unauthenticated, "who are you?"));
    cors.dress(origin, response);
    return response;
  }

  const auth::Peer peer_ = unix_peer();
  std::vector<HeaderLine> headers_;
  Pieces body_{""};
};

TEST_F(CorsTest, LetsNobodyReadWithoutConfiguration) {
  const auto response = dressed(Cors(), kPage);
  EXPECT_THAT(response.headers, Not(Contains(Key("Access-Control-Allow-Origin"))));
  EXPECT_THAT(response.headers, Not(Contains(Key("Vary"))));
}

TEST_F(CorsTest, LetsAConfiguredOriginReadAlsoProblems) {
  const auto cors = Cors({"https://app.example.org", "http://localhost:3000"});
  const auto response = dressed(cors, kPage);
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(response.headers,
              AllOf(Contains(Pair("Access-Control-Allow-Origin", std::string(kPage))), Contains(Pair("Vary", "Origin")),
                    Contains(Pair("Access-Control-Expose-Headers", HasSubstr("Retry-After")))));
  EXPECT_THAT(response.headers, Not(Contains(Key("Access-Control-Allow-Credentials"))));
}

TEST_F(CorsTest, TellsCachesThatTheOriginMattersAlsoWhereItIsNotAllowed) {
  const auto cors = Cors({"https://app.example.org"});
  for (const std::string_view origin :
       {"", "https://evil.example", "null", "https://app.example.org.evil.example", "https://app.example.org:444"}) {
    const auto response = dressed(cors, origin);
    EXPECT_THAT(response.headers, Not(Contains(Key("Access-Control-Allow-Origin")))) << origin;
    EXPECT_THAT(response.headers, Contains(Pair("Vary", "Origin"))) << origin;
  }
}

TEST_F(CorsTest, AStarIsForEverybodyAndNeedsNoVary) {
  const auto response = dressed(Cors({"*"}), "https://any.example");
  EXPECT_THAT(response.headers, Contains(Pair("Access-Control-Allow-Origin", "*")));
  EXPECT_THAT(response.headers, Not(Contains(Key("Vary"))));
}

TEST_F(CorsTest, KnowsABrowsersQuestion) {
  const auto cors = Cors({"https://app.example.org"});
  const HeaderLine origin{"Origin", kPage};
  const HeaderLine asks{"Access-Control-Request-Method", "POST"};
  EXPECT_TRUE(cors.is_preflight(request("OPTIONS", {origin, asks})));
  EXPECT_FALSE(cors.is_preflight(request("OPTIONS", {origin})));
  EXPECT_FALSE(cors.is_preflight(request("OPTIONS", {{"Origin", "https://evil.example"}, asks})));
  EXPECT_FALSE(cors.is_preflight(request("GET", {origin, asks})));
  EXPECT_FALSE(Cors().is_preflight(request("OPTIONS", {origin, asks})));
}

TEST_F(ApiTest, AnswersABrowsersQuestionWithoutCredentialsWhereItIsConfigured) {
  const Options asks{.peer = auth::Peer{}, .headers = {{"Origin", kPage}, {"Access-Control-Request-Method", "POST"}}};
  EXPECT_EQ(call("OPTIONS", "/tenants", {}, asks).status, 401);
  world_.cors = Cors({std::string(kPage)});
  const auto answer = call("OPTIONS", "/tenants", {}, asks);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(*answer.header("Access-Control-Allow-Methods"), "POST, GET, HEAD");
  EXPECT_THAT(*answer.header("Access-Control-Allow-Headers"), HasSubstr("Authorization, Content-Type"));
  EXPECT_EQ(call("OPTIONS", "/nowhere", {}, asks).status, 401);
  EXPECT_EQ(call("OPTIONS", "/tenants").status, 405);
}

}  // namespace
}  // namespace mtmsg::http
