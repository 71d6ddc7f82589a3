// tests/PERMISSIONS.md and the API agree. To write it anew after a change: UPDATE_GENERATED=1
// build/debug/bin/unit_tests --gtest_filter='PermissionMatrix.*'

#include "support/permission_matrix.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;
using test::Caller;
using testing::HasSubstr;

constexpr auth::Seconds kNow{1'800'000'000s};
const auth::Key kKey{"k1", auth::Algorithm::hs256, std::string(64, 'k'), std::string(64, 'k'), "a file"};

/// One world for each request, so that none sees what another one did.
class Asked {
 public:
  Asked(const Route& route, Caller caller) : route_(route) {
    const auto mine = world_.tenants.create({"acme", {}}).value().id;
    const auto other = world_.tenants.create({"other", {}}).value().id;
    world_.messages.add(mine, "1");
    world_.dead_letters.add(mine);
    tenants::Orphan orphan;
    orphan.stored.tenant = TenantId{Uuid::v4()};
    world_.tenants.found_orphans.push_back(orphan);
    const bool of_orphans = route.pattern.starts_with("/orphans");
    parts_ = {{"{t}", "acme"},
              {"{seq}", "1"},
              {"{id}", of_orphans ? orphan.stored.tenant.to_string() : world_.messages.rows(mine)[0].id.to_string()}};
    auth::Authenticator authenticator(auth::Mode::jwt, [] { return kNow; });
    authenticator.use(std::make_shared<const auth::TokenRules>(std::vector{kKey}, auth::Expectations{}));
    const Api api(world_.services(), authenticator);
    ask(api, caller, test::token_for(caller, kKey, mine, other, kNow));
  }
  int status() const { return response_.status; }
  const Response& response() const { return response_; }

 private:
  void ask(const Api& api, Caller caller, const std::optional<std::string>& token) {
    auth::Peer peer;
    peer.loopback = true;
    if (caller == Caller::unix_peer) peer = unix_peer();
    const auto authorization = "Bearer " + token.value_or("");
    std::vector<HeaderLine> headers;
    if (token) headers.push_back({"Authorization", authorization});
    Pieces body("");
    const auto target = test::target_of(route_, parts_);
    Request request{route_.method, target, headers, peer, body};
    response_ = api.handle(request);
    response_.stream = nullptr;
  }

  const Route& route_;
  std::map<std::string, std::string> parts_;
  fakes::World world_;
  Response response_;
};

/// What the answer means for somebody who wants in. Whoever gets what the peer on the Unix socket gets was let in.
std::string cell(const Route& route, Caller caller) {
  const auto status = Asked(route, caller).status();
  if (status == 401 || status == 403) return std::to_string(status);
  const auto reference = Asked(route, Caller::unix_peer).status();
  const bool needs_something = route.permission != auth::Permission::none;
  EXPECT_TRUE(reference != 404 || !needs_something)
      << test::route_name(route) << ": this test must make what the route is about";
  if (status == reference) return "yes";
  return std::to_string(status);
}

std::string generated_matrix() {
  std::string text =
      "# Who may do what\n\n"
      "Written by a test from the answers of the API, and compared with them ever after. `yes`: let in; a number: the\n"
      "status of the refusal. `{t}` is the caller's own tenant, but for \"other tenant\": its token is good, and of\n"
      "another one, which learns nothing: 404 as for a tenant that does not exist. \"needs\" is the scope that a "
      "token\n"
      "with scopes must have. \"expired\" and \"wrong key\" are an administrator's tokens.\n\n" +
      test::matrix_head();
  for (const auto& route : routes()) {
    std::vector<std::string> cells;
    for (const auto& row : test::kCallers) cells.push_back(cell(route, row.caller));
    text += test::matrix_row(route, cells);
  }
  return text;
}

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("| `")) rows.push_back(line);
  return rows;
}

TEST(PermissionMatrix, IsWhatIsWritten) {
  const auto generated = generated_matrix();
  if (std::getenv("UPDATE_GENERATED") != nullptr) std::ofstream(test::kMatrixFile, std::ios::binary) << generated;
  const auto written = test::written_matrix();
  const auto wanted = rows_of(written);
  const auto found = rows_of(generated);
  for (const auto& row : found)
    EXPECT_THAT(wanted, testing::Contains(row)) << "the API does this, and it is not written";
  for (const auto& row : wanted)
    EXPECT_THAT(found, testing::Contains(row)) << "this is written, and the API does not do it";
  EXPECT_EQ(written, generated) << "tests/PERMISSIONS.md should be:\n\n" << generated;
}

TEST(PermissionMatrix, LetsNobodyInWithoutAGoodTokenExceptForHealth) {
  for (const auto& route : routes()) {
    if (route.permission == auth::Permission::none) continue;
    for (const auto caller : {Caller::no_token, Caller::expired, Caller::wrong_key})
      EXPECT_EQ(Asked(route, caller).status(), 401) << test::route_name(route);
  }
}

TEST(PermissionMatrix, TellsWhatIsWrongWithAToken) {
  const auto& route = routes()[0];
  const auto challenge = [&](Caller caller) {
    const Asked asked(route, caller);
    for (const auto& [name, value] : asked.response().headers)
      if (name == "WWW-Authenticate") return value;
    return std::string();
  };
  EXPECT_EQ(challenge(Caller::no_token), R"(Bearer realm="mtmsg")");
  EXPECT_EQ(challenge(Caller::expired),
            R"(Bearer realm="mtmsg", error="invalid_token", error_description="the token is not accepted: it has )"
            R"(expired")");
  EXPECT_THAT(challenge(Caller::wrong_key), HasSubstr("its signature is wrong"));
  EXPECT_EQ(challenge(Caller::viewer), "") << "no other token of this role would help";
}

TEST(PermissionMatrix, NamesTheScopeThatIsMissing) {
  for (const auto& route : routes()) {
    if (route.permission != auth::Permission::publish) continue;
    const auto response = Asked(route, Caller::scoped).response();
    EXPECT_EQ(response.status, 403);
    EXPECT_THAT(response.body, HasSubstr("messages.publish"));
    EXPECT_THAT(
        response.headers,
        testing::Contains(testing::Pair(
            "WWW-Authenticate", R"(Bearer realm="mtmsg", error="insufficient_scope", scope="messages.publish")")));
  }
}

}  // namespace
}  // namespace mtmsg::http
