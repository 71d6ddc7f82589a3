#include "http/audit.hpp"

#include <set>

#include <gmock/gmock.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/audit.hpp"

namespace mtmsg::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AuditTest : public ApiTest {
 protected:
  const AuditEntry& last() { return world_.audit.entries.at(world_.audit.entries.size() - 1); }
};

TEST(AuditRoutes, EveryRouteThatIsNoReadSaysWhatItDoes) {
  for (const auto& route : routes()) {
    const bool reads = route.method == "GET";
    EXPECT_EQ(route.effect == Effect::reads, reads) << route.method << " " << route.pattern;
    EXPECT_EQ(route.action.find('.') != std::string_view::npos, route.effect == Effect::changes) << route.pattern;
  }
}

TEST_F(AuditTest, SaysWhoDidWhatToWhomFromWhere) {
  auto peer = unix_peer();
  peer.address = "unix:uid=1000";
  peer.uid = 1000;
  peer.pid = 4711;
  call("POST", "/tenants", R"({"name":"acme","workers":5})", {.peer = peer});
  ASSERT_EQ(world_.audit.entries.size(), 1U);
  EXPECT_EQ(last().subject, "unix:uid=1000");
  EXPECT_EQ(last().role, "admin");
  EXPECT_EQ(last().action, "tenant.create");
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().route, "/tenants");
  EXPECT_EQ(last().tenant, world_.tenants.find("acme")->id);
  EXPECT_EQ(last().tenant_name, "acme");
  EXPECT_EQ(last().detail, R"({"name":"acme","workers":5})");
  EXPECT_EQ(last().status, 201);
  EXPECT_EQ(last().code, "");
  EXPECT_EQ(last().peer, "unix");
  EXPECT_EQ(last().uid, 1000);
  EXPECT_EQ(last().pid, 4711);
  EXPECT_THAT(world_.audited, ElementsAre("tenant.create"));
}

TEST_F(AuditTest, HasEveryChangeWithWhatChanged) {
  const auto id = tenant();
  world_.dead_letters.add(id);
  world_.dead_letters.add(id);
  world_.messages.add(id, R"({"secret":1})");
  const auto message = world_.messages.rows(id)[0].id.to_string();
  const std::vector<std::array<std::string, 5>> changes = {
      {"PATCH", "/tenants/acme", R"({"workers":2})", "tenant.change", R"({"workers":2})"},
      {"PUT", "/tenants/acme/config/concurrency", R"({"workers":4})", "tenant.concurrency", R"({"workers":4})"},
      {"POST", "/tenants/acme/pause", "", "tenant.pause", ""},
      {"POST", "/tenants/acme/resume", "", "tenant.resume", ""},
      {"DELETE", "/tenants/acme/messages/" + message, "", "message.erase",
       "{\"id\":\"" + message + "\",\"dead_letters\":0}"},
      {"POST", "/tenants/acme/dead-letters/replay", R"({"seqs":[1]})", "dead_letter.replay",
       R"({"request":{"seqs":[1]},"stored":0,"refused":1})"},
      {"DELETE", "/tenants/acme/dead-letters/1", "", "dead_letter.delete", R"({"seq":1})"},
      {"DELETE", "/tenants/acme/dead-letters?all=true", "", "dead_letter.purge", R"({"all":true,"deleted":1})"},
      {"POST", "/migrations", R"({"to":2})", "schema.migrate", R"({"to":2})"},
      {"DELETE", "/tenants/acme?if_empty=true", "", "tenant.delete", R"({"if_empty":true,"keep_messages":false})"},
  };
  for (const auto& [method, target, body, action, detail] : changes) {
    const auto before = world_.audit.entries.size();
    const auto response = call(method, target, body);
    ASSERT_EQ(world_.audit.entries.size(), before + 1) << method << target;
    EXPECT_EQ(last().action, action);
    EXPECT_EQ(last().detail, detail) << action;
    EXPECT_EQ(last().status, response.status) << action;
    if (action != "schema.migrate") {
      EXPECT_EQ(last().tenant_name, "acme") << action;
    }
    EXPECT_THAT(last().detail, testing::Not(HasSubstr("secret")));
  }
}

TEST_F(AuditTest, HasARefusedChangeWithItsCode) {
  tenant();
  call("POST", "/tenants", R"({"name":"acme"})");
  EXPECT_EQ(last().status, 409);
  EXPECT_EQ(last().code, "conflict");
  EXPECT_FALSE(last().tenant);
  call("PATCH", "/tenants/acme", "no json");
  EXPECT_EQ(last().code, "invalid_argument");
}

TEST_F(AuditTest, HasNothingOfReadsTrafficDryRunsAndStrangers) {
  const auto id = tenant();
  world_.dead_letters.add(id);
  call("GET", "/tenants/acme");
  call("POST", "/tenants/acme/messages", R"({"payload":1})");
  call("DELETE", "/tenants/acme/dead-letters?all=true&dry_run=true");
  call("POST", "/tenants/acme/dead-letters/replay", R"({"all":true,"dry_run":true})");
  call("DELETE", "/tenants/nobody");
  EXPECT_EQ(call("DELETE", "/tenants/acme", {}, {.peer = auth::Peer{}}).status, 401);
  EXPECT_THAT(world_.audit.entries, IsEmpty());
}

TEST_F(AuditTest, DoesNotFailTheRequestWhenItCannotBeWritten) {
  world_.audit.outage = fail(ErrorCode::database_unavailable, "gone");
  EXPECT_EQ(call("POST", "/tenants", R"({"name":"acme"})").status, 201);
  EXPECT_THAT(world_.audited, IsEmpty());
  EXPECT_THAT(world_.unaudited, ElementsAre("tenant.create"));
}

TEST_F(AuditTest, DoesNotAskADatabaseThatWasAwayForTheChangeItself) {
  tenant();
  world_.dead_letters.outage = fail(ErrorCode::database_unavailable, "gone");
  EXPECT_EQ(call("DELETE", "/tenants/acme/dead-letters?all=true").status, 503);
  EXPECT_THAT(world_.audit.entries, IsEmpty());
  EXPECT_THAT(world_.unaudited, ElementsAre("dead_letter.purge"));
}

TEST_F(AuditTest, KeepsADetailSmall) {
  call("POST", "/tenants", "{\"name\":\"" + std::string(20'000, 'x') + "\"}");
  EXPECT_EQ(last().detail, R"({"truncated":true})");
}

TEST_F(AuditTest, IsReadPageByPage) {
  call("POST", "/tenants", R"({"name":"acme"})");
  const auto page = call("GET",
                         "/audit?limit=3&cursor=5&order=desc&since=2026-01-01T00:00:00Z&subject=me&tenant=acme&action="
                         "tenant");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr(R"("action":"tenant.create")"));
  EXPECT_THAT(page.body, HasSubstr(R"("next_cursor":"7","has_more":false})"));
  const auto& query = world_.audit.last_query;
  EXPECT_EQ(query.cursor->value, 5);
  EXPECT_EQ(query.limit, 3U);
  EXPECT_EQ(query.order, AuditOrder::newest_first);
  EXPECT_TRUE(query.since);
  EXPECT_EQ(query.subject + query.tenant + query.action, "meacmetenant");
  EXPECT_EQ(call("GET", "/audit?order=up").status, 400);
}

TEST(AuditWire, ReadsBackWhatItWrites) {
  AuditEntry entry;
  entry.seq = Sequence{7};
  entry.subject = "ops@example.org";
  entry.role = "admin";
  entry.action = "tenant.delete";
  entry.tenant = TenantId{Uuid::v4()};
  entry.tenant_name = "acme";
  entry.detail = R"({"a":1})";
  entry.status = 409;
  entry.code = "conflict";
  entry.peer = "127.0.0.1:80";
  std::string text;
  wire::append_audit_entry(text, entry);
  EXPECT_EQ(wire::read_audit_entry(text).value(), entry);
  entry.uid = 0;
  entry.pid = 12;
  text.clear();
  wire::append_audit_entry(text, entry);
  EXPECT_EQ(wire::read_audit_entry(text).value(), entry);
}

}  // namespace
}  // namespace mtmsg::http
