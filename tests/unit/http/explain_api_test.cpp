// GET /tenants/{t}/explain: what it says is tests/unit/tenants/explanation_test.cpp's.

#include <gmock/gmock.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/explanation.hpp"

namespace mtmsg::http {
namespace {

using testing::HasSubstr;
using Look = tenants::TenantService::Database;

class ExplainApi : public ApiTest {
 protected:
  ExplainApi() {
    tenant();
    auto& facts = world_.tenants.next_facts;
    facts.counts = store::TenantCounts{Sequence{7}, Sequence{2}, 600, 0};
    facts.queue_is = tenants::TenantFacts::Queue::there;
    facts.queue = {0, 1};
    facts.activity.consuming = true;
  }
  wire::Explanation explained(std::string_view name = "acme") {
    const auto response = call("GET", "/tenants/" + std::string(name) + "/explain");
    EXPECT_EQ(response.status, 200) << response.body;
    return wire::read_explanation(response.body).value();
  }
};

TEST_F(ExplainApi, TellsWhatWasFoundWithTheNumbers) {
  const auto seen = explained();
  EXPECT_EQ(seen.name, "acme");
  EXPECT_EQ(seen.verdict, "fine");
  ASSERT_EQ(seen.findings.size(), 1U);
  EXPECT_EQ(seen.findings[0].code, "well");
  EXPECT_EQ(seen.messages, 7);
  EXPECT_EQ(seen.queue, (wire::QueueDepth{0, 1}));
  EXPECT_EQ(world_.tenants.asked_database, Look::asked);
}

TEST_F(ExplainApi, AnswersWhileTheDatabaseIsAwayFromWhatWasSeenLast) {
  world_.ready = false;
  world_.tenants.outage = fail(ErrorCode::database_unavailable, "db.internal is away");
  world_.tenants.next_facts.counts.reset();
  const auto seen = explained();
  EXPECT_EQ(seen.verdict, "blocked");
  EXPECT_EQ(seen.findings[0].code, "database_away");
  EXPECT_FALSE(seen.messages);
  EXPECT_EQ(world_.tenants.asked_database, Look::left_alone);
  EXPECT_EQ(call("GET", "/tenants/acme").status, 503) << "other routes need the database";
}

TEST_F(ExplainApi, AnswersAlsoWhenTheOutageIsNewsToIt) {
  world_.tenants.outage = fail(ErrorCode::database_unavailable, "db.internal is away");
  EXPECT_EQ(explained().name, "acme");
}

TEST_F(ExplainApi, OfATenantThatNobodyRemembersSaysWhy) {
  world_.ready = false;
  const auto response = call("GET", "/tenants/other/explain");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(code(response), "database_unavailable");
  world_.ready = true;
  EXPECT_EQ(call("GET", "/tenants/other/explain").status, 404);
}

TEST_F(ExplainApi, SaysThatATenantPublishesTooFast) {
  world_.tenants.update(world_.tenants.find("acme")->id, {{}, {}, {{Limit::publish_rate, 1}}, {}}).value();
  EXPECT_EQ(call("POST", "/tenants/acme/messages", R"({"payload":1})", {.type = "application/json"}).status, 202);
  EXPECT_EQ(explained().verdict, "fine");
  EXPECT_EQ(call("POST", "/tenants/acme/messages", R"({"payload":1})", {.type = "application/json"}).status, 429);
  const auto seen = explained();
  EXPECT_EQ(seen.findings[0].code, "throttled");
  EXPECT_THAT(seen.findings[0].what, HasSubstr("1 a second"));
}

}  // namespace
}  // namespace mtmsg::http
