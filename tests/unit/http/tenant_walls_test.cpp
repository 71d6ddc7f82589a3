// No credential of one tenant learns of another: somebody else's tenant and none at all answer alike.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/signature.hpp"
#include "http/routes.hpp"
#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TenantWalls : public testing::Test {
 protected:
  TenantWalls() { world_.messages.add(foreign_, R"({"secret":1})"); }
  Response call(std::string_view method, std::string target, auth::Role role, std::vector<HeaderLine> more = {}) {
    auth::Claims claims;
    claims.subject = "app";
    claims.role = role;
    claims.tenant = own_;
    claims.expires = auth::Seconds(2000s);
    const auto authorization = "Bearer " + auth::sign(auth::write_claims(claims), key_).value();
    std::vector<HeaderLine> headers{{"Authorization", authorization}};
    headers.insert(headers.end(), more.begin(), more.end());
    auth::Authenticator authenticator(auth::Mode::jwt, [] { return auth::Seconds(1000s); });
    authenticator.use(std::make_shared<const auth::TokenRules>(std::vector{key_}, auth::Expectations{}));
    const Api api(world_.services(), authenticator);
    Pieces body("");
    const auth::Peer peer;
    Request request{method, target, headers, peer, body};
    auto response = api.handle(request);
    response.stream = nullptr;
    return response;
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from)) text.replace(at, from.size(), to);
    return text;
  }

  const auth::Key key_{"k1", auth::Algorithm::hs256, std::string(64, 'k'), std::string(64, 'k'), "a file"};
  fakes::World world_;
  const TenantId own_ = world_.tenants.create({"own", {}}).value().id;
  const TenantId foreign_ = world_.tenants.create({"foreign", {}}).value().id;
};

TEST_F(TenantWalls, AnswerForSomebodyElsesTenantAsForNone) {
  for (const auto& route : routes()) {
    if (route.pattern.find("{t}") == std::string_view::npos) continue;
    const auto target = [&](const std::string& tenant) {
      auto text = replaced(std::string(route.pattern), "{t}", tenant);
      return replaced(replaced(text, "{seq}", "1"), "{id}", world_.messages.rows(foreign_)[0].id.to_string());
    };
    for (const auto role : {auth::Role::tenant, auth::Role::viewer}) {
      const auto missing = call(route.method, target("missing"), role);
      const auto by_name = call(route.method, target("foreign"), role);
      const auto by_id = call(route.method, target(foreign_.to_string()), role);
      const auto where = std::string(route.method) + " " + target("…");
      EXPECT_TRUE(missing.status == 404 || missing.status == 403) << where;
      EXPECT_EQ(by_name.status, missing.status) << where;
      EXPECT_EQ(by_id.status, missing.status) << where;
      EXPECT_EQ(replaced(by_name.body, "foreign", "missing"), missing.body) << where;
      EXPECT_EQ(replaced(by_id.body, foreign_.to_string(), "missing"), missing.body) << where;
    }
  }
}

TEST_F(TenantWalls, AWalkOverAllMessagesIsOverTheCallersOwn) {
  world_.messages.add(own_, R"({"mine":1})");
  const auto page = call("GET", "/messages", auth::Role::viewer);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("mine"));
  EXPECT_THAT(page.body, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(call("GET", "/messages?cursor=" + foreign_.to_string() + ":0", auth::Role::viewer).status, 400);
}

TEST_F(TenantWalls, SeveralAuthorizationHeadersAreRefused) {
  const auto answer = call("GET", "/messages", auth::Role::viewer, {{"authorization", "Bearer x"}});
  EXPECT_EQ(answer.status, 400);
}

}  // namespace
}  // namespace mtmsg::http
