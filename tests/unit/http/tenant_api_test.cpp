#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::http {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TenantApiTest : public ApiTest {
 protected:
  Response create(const std::string& body, const std::string& key) {
    return call("POST", "/tenants", body, {.headers = {{"idempotency-key", key}}});
  }
  static std::string id_of(const Response& response) { return wire::read_tenant(response.body).value().id.to_string(); }
};

TEST_F(TenantApiTest, ShowsATenantsOwnLimitsAndThoseInForce) {
  world_.tenants.default_values.limits[Limit::publish_rate] = 50;
  const auto created = call("POST", "/tenants",
                            R"({"name":"acme","ordered":true,"limits":{"retention_seconds":60,"publish_rate":null}})");
  ASSERT_EQ(created.status, 201) << created.body;
  const auto tenant = wire::read_tenant(created.body).value();
  EXPECT_TRUE(tenant.ordered);
  EXPECT_EQ(tenant.limits[Limit::retention_seconds], 60U);
  world_.tenants.full = true;
  const auto detail = wire::read_tenant_detail(call("GET", "/tenants/acme").body).value();
  EXPECT_FALSE(detail.tenant.limits[Limit::publish_rate]);
  EXPECT_EQ(detail.effective_limits[Limit::publish_rate], 50U);
  EXPECT_EQ(detail.effective_limits[Limit::max_stored_bytes], 0U);
  EXPECT_EQ(detail.stored_bytes, 600);
  EXPECT_TRUE(detail.full);
}

TEST_F(TenantApiTest, ChangesLimitsAndGivesThemBackToTheDefault) {
  tenant();
  const auto set = call("PATCH", "/tenants/acme", R"({"limits":{"publish_rate":5}})");
  EXPECT_EQ(wire::read_tenant(set.body).value().limits[Limit::publish_rate], 5U);
  const auto back = call("PATCH", "/tenants/acme", R"({"limits":{"publish_rate":null}})");
  EXPECT_FALSE(wire::read_tenant(back.body).value().limits[Limit::publish_rate]);
  EXPECT_EQ(code(call("PATCH", "/tenants/acme", R"({"limits":{"max_queue_length":5}})")), "immutable");
  EXPECT_THAT(detail(call("PATCH", "/tenants/acme", R"({"limits":{"publish_rate":2000000}})")),
              HasSubstr("publish_rate must be between"));
  EXPECT_THAT(detail(call("PATCH", "/tenants/acme", "{}")), HasSubstr("nothing to change"));
}

TEST_F(TenantApiTest, PausesAndResumes) {
  tenant();
  EXPECT_TRUE(wire::read_tenant(call("POST", "/tenants/acme/pause").body).value().paused);
  EXPECT_TRUE(wire::read_tenant(call("POST", "/tenants/acme/pause").body).value().paused);
  const auto resumed = call("POST", "/tenants/acme/resume");
  EXPECT_EQ(resumed.status, 200);
  EXPECT_FALSE(wire::read_tenant(resumed.body).value().paused);
  EXPECT_TRUE(wire::read_tenant(call("PATCH", "/tenants/acme", R"({"paused":true})").body).value().paused);
  EXPECT_EQ(call("POST", "/tenants/nobody/pause").status, 404);
  EXPECT_EQ(call("GET", "/tenants/acme/pause").status, 405);
}

TEST_F(TenantApiTest, DeletesOnlyInTheWayThatWasAskedFor) {
  tenant();
  for (const auto* wrong : {"?if_empty=yes", "?if_empty=", "?keep_messages=2", "?keep_messages=TRUE", "?force=true",
                            "?if_empty=true&if_empty=true"})
    EXPECT_EQ(call("DELETE", std::string("/tenants/acme") + wrong).status, 400) << wrong;
  EXPECT_THAT(world_.tenants.list().value(), SizeIs(1));
  world_.tenants.removal = tenants::Removal::in_progress;
  EXPECT_EQ(call("DELETE", "/tenants/acme?if_empty=1&keep_messages=0").status, 202);
  EXPECT_TRUE(world_.tenants.last_deletion.if_empty);
  EXPECT_FALSE(world_.tenants.last_deletion.keep_messages);
  world_.tenants.removal = tenants::Removal::done;
  EXPECT_EQ(call("DELETE", "/tenants/acme?if_empty=false").status, 204);
  EXPECT_FALSE(world_.tenants.last_deletion.if_empty);
}

TEST_F(TenantApiTest, NamesTheTableThatIsKept) {
  const auto id = tenant();
  const auto deleted = call("DELETE", "/tenants/acme?keep_messages=true");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(wire::read_kept_table(deleted.body).value(), store::kept_table(id));
}

TEST_F(TenantApiTest, ListsPageAfterPage) {
  for (const auto* name : {"cc", "aa", "bb", "dd", "ee"}) tenant(name);
  std::vector<std::string> names;
  std::string cursor;
  for (int pages = 1;; ++pages) {
    const auto answer = call("GET", "/tenants?limit=2" + cursor);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto page = wire::read_tenants(answer.body).value();
    for (const auto& each : page.data) names.push_back(each.name);
    EXPECT_EQ(page.next_cursor, names.back());
    EXPECT_EQ(page.has_more, pages < 3);
    if (!page.has_more) break;
    cursor = "&cursor=" + page.next_cursor;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"aa", "bb", "cc", "dd", "ee"}));
  const auto end = wire::read_tenants(call("GET", "/tenants?cursor=ee").body).value();
  EXPECT_THAT(end.data, IsEmpty());
  EXPECT_EQ(end.next_cursor, "ee");
  EXPECT_EQ(world_.tenants.last_query.limit, 100U);
}

TEST_F(TenantApiTest, ListsWhatItsFiltersSay) {
  EXPECT_EQ(call("GET",
                 "/tenants?state=active&paused=false&name_prefix=eu-&since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:"
                 "00Z&limit=1000")
                .status,
            200);
  const auto& query = world_.tenants.last_query;
  EXPECT_EQ(query.state, TenantState::active);
  EXPECT_EQ(query.paused, false);
  EXPECT_EQ(query.name_prefix, "eu-");
  EXPECT_EQ(query.since, parse_timestamp("2026-01-01T00:00:00Z").value());
  EXPECT_EQ(query.until, parse_timestamp("2026-02-01T00:00:00Z").value());
  EXPECT_EQ(query.limit, 1000U);
}

TEST_F(TenantApiTest, EveryListHasTheSameBounds) {
  tenant();
  for (const auto* list : {"/tenants", "/tenants/acme/messages", "/messages", "/tenants/acme/dead-letters"}) {
    for (const auto* wrong : {"limit=0", "limit=1001", "limit=", "limit=-1", "limit=1e2", "limit=5&limit=5",
                              "since=yesterday", "until=2026-01-01", "cursor=%00", "cursor=A%20B", "page=2"}) {
      const auto answer = call("GET", std::string(list) + "?" + wrong);
      EXPECT_EQ(answer.status, 400) << list << "?" << wrong;
      EXPECT_EQ(code(answer), "invalid_argument") << list << "?" << wrong;
    }
    EXPECT_EQ(call("GET", std::string(list) + "?limit=1000&since=2026-01-01T00:00:00%2B01:00").status, 200) << list;
  }
  for (const auto* wrong : {"state=paused", "state=", "paused=1", "name_prefix=", "name_prefix=A", "name_prefix=a%25",
                            "cursor=", "cursor=-a"})
    EXPECT_EQ(call("GET", std::string("/tenants?") + wrong).status, 400) << wrong;
}

TEST_F(TenantApiTest, ACreateThatIsRetriedWithItsKeyShowsTheTenantItMade) {
  const auto first = create(R"({"name":"acme","workers":5,"limits":{"publish_rate":9}})", "order-1");
  ASSERT_EQ(first.status, 201) << first.body;
  const auto again =
      create(R"( {"limits": {"publish_rate":9, "max_stored_bytes":null}, "workers" : 5,"name":"acme"})", "order-1");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(id_of(again), id_of(first));
  EXPECT_THAT(world_.tenants.list().value(), SizeIs(1));
}

TEST_F(TenantApiTest, AKeyIsForOneRequestOnly) {
  EXPECT_EQ(create(R"({"name":"acme"})", "order-1").status, 201);
  for (const auto* other : {R"({"name":"beta"})", R"({"name":"acme","workers":3})", R"({"name":"acme","ordered":true})",
                            R"({"name":"acme","limits":{"publish_rate":1}})"})
    EXPECT_EQ(code(create(other, "order-1")), "conflict") << other;
  EXPECT_EQ(create(R"({"name":"beta"})", "order-2").status, 201);
}

TEST_F(TenantApiTest, AKeyIsOneLineOfPrintableAscii) {
  for (const auto& wrong : {std::string(), std::string(256, 'k'), std::string("k\xc3\xbc"), std::string("a\tb"),
                            std::string("a\x7f"), std::string("a\0b", 3)})
    EXPECT_EQ(create(R"({"name":"acme"})", wrong).status, 400) << wrong;
  EXPECT_EQ(
      call("POST", "/tenants", R"({"name":"acme"})", {.headers = {{"Idempotency-Key", "a"}, {"idempotency-key", "a"}}})
          .status,
      400);
  EXPECT_THAT(world_.tenants.list().value(), IsEmpty());
  EXPECT_EQ(create(R"({"name":"acme"})", std::string(255, '~')).status, 201);
}

}  // namespace
}  // namespace mtmsg::http
