#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/routes.hpp"
#include "tests/unit/http/api_fixture.hpp"
#include "wire/dead_letter.hpp"
#include "wire/message.hpp"
#include "wire/replay.hpp"

namespace mtmsg::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto kLetters = "/tenants/acme/dead-letters";

class DeadLetterApiTest : public ApiTest {
 protected:
  std::string at(std::string_view below) const { return kLetters + std::string(below); }
  std::vector<std::int64_t> listed(std::string_view query) {
    const auto answer = call("GET", at(query));
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<std::int64_t> numbers;
    for (const auto row : wire::read_page(answer.body).value().rows)
      numbers.push_back(wire::read_dead_letter(row).value().seq.value);
    return numbers;
  }
  wire::ReplayReport replay(std::string body, std::string_view below = "/replay") {
    const auto answer = call("POST", at(below), std::move(body));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return wire::read_replay_report(answer.body).value();
  }
  void add(DeadReason reason, int count = 1) {
    for (int i = 0; i < count; ++i) letters().add(tenant_, reason);
  }
  fakes::DeadLetters& letters() { return world_.dead_letters; }
  std::vector<std::int64_t> kept() { return letters().numbers(tenant_); }

  const TenantId tenant_ = tenant();
};

TEST_F(DeadLetterApiTest, ListsPagesByCursorAndFilter) {
  add(DeadReason::invalid_json, 3);
  letters().add(tenant_, DeadReason::expired).replayed_at = Timestamp{};
  EXPECT_THAT(listed(""), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(listed("?reason=expired"), ElementsAre(4));
  EXPECT_THAT(listed("?replayed=false"), ElementsAre(1, 2, 3));
  EXPECT_THAT(listed("?replayed=true&cursor=4"), IsEmpty());
  EXPECT_THAT(listed("?since=1970-01-01T00:00:01Z"), IsEmpty());
  EXPECT_THAT(listed("?until=1970-01-01T00:00:01Z&limit=2"), ElementsAre(1, 2));
  const auto answer = call("GET", at("?limit=2&cursor=1"));
  EXPECT_THAT(answer.body, testing::EndsWith("\"next_cursor\":\"3\",\"has_more\":true}\n"));
  EXPECT_THAT(answer.body, Not(HasSubstr("\"body\"")));
}

TEST_F(DeadLetterApiTest, ShowsOneWithItsBody) {
  letters().add(tenant_, DeadReason::invalid_json, "\xff");
  const auto answer = call("GET", at("/1"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(wire::read_dead_letter(answer.body).value().body, "\xff");
  for (const auto* none : {"/2", "/0", "/x", "/-1", "/replay", "/99999999999999999999"})
    EXPECT_EQ(code(call("GET", at(none))), "not_found") << none;
}

TEST_F(DeadLetterApiTest, EveryWrongValueIsNamedAndChangesNothing) {
  add(DeadReason::expired, 2);
  for (const auto* query : {"reason=bored", "reason=", "since=now", "until=1", "replayed=yes", "all=1", "dry_run=x",
                            "limit=0", "limit=10001", "limit=x"}) {
    const auto answer = call("DELETE", at("?all=true&" + std::string(query)));
    EXPECT_EQ(answer.status, 400) << query;
  }
  for (const std::string name : {"reason", "since", "until", "replayed", "cursor", "limit"}) {
    const auto answer = call("GET", at("?" + name + "=bored"));
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_THAT(detail(answer), HasSubstr("\"" + name + "\""));
  }
  EXPECT_THAT(detail(call("GET", at("?reason=bored"))), HasSubstr("invalid_json, rejected_by_database, too_large"));
  EXPECT_THAT(detail(call("DELETE", at(""))), HasSubstr("all=true"));
  EXPECT_EQ(call("DELETE", at("?all=false")).status, 400);
  EXPECT_THAT(detail(call("DELETE", at("?all=1"))), HasSubstr("\"all\""));
  EXPECT_EQ(call("DELETE", at("?dry_run=true")).status, 400);
  EXPECT_EQ(call("DELETE", at("?all=true&cursor=1")).status, 400);
  for (const auto* body : {"", "{}", "[1]", R"({"seqs":[]})", R"({"seqs":[1],"all":true})", R"({"al":true})"})
    EXPECT_EQ(call("POST", at("/replay"), body).status, 400) << body;
  EXPECT_EQ(call("POST", at("/1/replay"), R"({"all":true})").status, 400);
  EXPECT_EQ(call("POST", at("/replay"), R"({"all":true})", {.type = "text/plain"}).status, 415);
  EXPECT_THAT(kept(), ElementsAre(1, 2));
  EXPECT_THAT(letters().replays, IsEmpty());
}

TEST_F(DeadLetterApiTest, DeletesOne) {
  add(DeadReason::expired, 2);
  EXPECT_EQ(call("DELETE", at("/1")).status, 204);
  EXPECT_THAT(kept(), ElementsAre(2));
  EXPECT_EQ(code(call("DELETE", at("/1"))), "not_found");
  EXPECT_EQ(call("DELETE", at("/replay")).status, 404);
}

TEST_F(DeadLetterApiTest, DeletesASelectionOrCountsIt) {
  add(DeadReason::expired, 2);
  add(DeadReason::too_large, 3);
  EXPECT_EQ(call("DELETE", at("?reason=too_large&dry_run=true")).body, R"({"deleted":0,"would_delete":3})"
                                                                       "\n");
  EXPECT_THAT(kept(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(call("DELETE", at("?reason=too_large")).body, R"({"deleted":3,"has_more":false})"
                                                          "\n");
  EXPECT_THAT(kept(), ElementsAre(1, 2));
  EXPECT_EQ(call("DELETE", at("?replayed=true")).body, R"({"deleted":0,"has_more":false})"
                                                       "\n");
  EXPECT_EQ(call("DELETE", at("?all=true&dry_run=false")).body, R"({"deleted":2,"has_more":false})"
                                                                "\n");
}

TEST_F(DeadLetterApiTest, OneRequestDeletesTenThousandAtMost) {
  add(DeadReason::expired, 10'001);
  EXPECT_EQ(call("DELETE", at("?all=true")).body, R"({"deleted":10000,"has_more":true})"
                                                  "\n");
  EXPECT_EQ(call("DELETE", at("?all=true")).body, R"({"deleted":1,"has_more":false})"
                                                  "\n");
}

TEST_F(DeadLetterApiTest, APurgeWithALimitDeletesTheLowestNumbers) {
  add(DeadReason::expired, 1503);
  EXPECT_EQ(call("DELETE", at("?all=true&limit=1500")).body, "{\"deleted\":1500,\"has_more\":true}\n");
  EXPECT_THAT(kept(), ElementsAre(1501, 1502, 1503));
  EXPECT_EQ(call("DELETE", at("?all=true&limit=3")).body, "{\"deleted\":3,\"has_more\":false}\n");
}

TEST_F(DeadLetterApiTest, APurgeThatIsInterruptedSaysWhatItDeleted) {
  add(DeadReason::expired, 2500);
  letters().purges_until_outage = 2;
  EXPECT_EQ(call("DELETE", at("?all=true")).body, R"({"deleted":2000,"has_more":true})"
                                                  "\n");
  letters().purges_until_outage = 0;
  EXPECT_EQ(code(call("DELETE", at("?all=true"))), "database_unavailable");
}

TEST_F(DeadLetterApiTest, ReplaysNumbersAndTellsWhatBecameOfEach) {
  add(DeadReason::expired);
  add(DeadReason::invalid_json);
  const auto report = replay(R"({"seqs":[9,2,1]})");
  EXPECT_EQ(report.stored, 1);
  EXPECT_EQ(report.refused, 1);
  EXPECT_EQ(report.skipped, 1);
  EXPECT_FALSE(report.has_more);
  ASSERT_EQ(report.lines.size(), 3U);
  EXPECT_EQ(report.lines[1].refusal.detail, "it is bad");
  EXPECT_FALSE(report.lines[2].id);
}

TEST_F(DeadLetterApiTest, ReplaysASelectionInStepsThatTheCallerGoesOnWith) {
  add(DeadReason::expired, 3);
  add(DeadReason::too_large);
  letters().add(tenant_, DeadReason::expired).replayed_at = Timestamp{};
  auto report = replay(R"({"reason":"expired","limit":2})");
  EXPECT_EQ(report.stored, 2);
  EXPECT_TRUE(report.has_more);
  EXPECT_EQ(report.next_cursor.value, 2);
  report = replay(R"({"reason":"expired","limit":2,"cursor":"2"})");
  EXPECT_EQ(report.stored, 1);
  EXPECT_FALSE(report.has_more);
  EXPECT_THAT(letters().replays.back(), ElementsAre(Sequence{3}));
  report = replay(R"({"reason":"expired"})");
  EXPECT_THAT(report.lines, IsEmpty());
  EXPECT_EQ(letters().replays.size(), 2U) << "nothing to try asks nobody";
}

TEST_F(DeadLetterApiTest, ARefusedLetterDoesNotKeepASelectionGoingForEver) {
  add(DeadReason::invalid_json, 2);
  const auto first = replay(R"({"all":true,"limit":1})");
  EXPECT_TRUE(first.has_more);
  const auto second = replay(R"({"all":true,"limit":1,"cursor":"1"})");
  EXPECT_EQ(second.lines.at(0).seq.value, 2);
  EXPECT_FALSE(second.has_more);
}

TEST_F(DeadLetterApiTest, ADryRunSaysWhatWouldBeTriedAndTriesNothing) {
  add(DeadReason::expired, 2);
  letters().add(tenant_, DeadReason::expired).replayed_at = Timestamp{};
  const auto selection = replay(R"({"all":true,"dry_run":true})");
  EXPECT_TRUE(selection.dry_run);
  ASSERT_EQ(selection.lines.size(), 2U);
  EXPECT_EQ(selection.lines[0].outcome, wire::ReplayLine::Outcome::would_be_tried);
  const auto numbers = replay(R"({"seqs":[1,3,7],"dry_run":true})");
  EXPECT_EQ(numbers.skipped, 2);
  EXPECT_EQ(numbers.lines.at(0).outcome, wire::ReplayLine::Outcome::would_be_tried);
  EXPECT_EQ(numbers.lines.at(1).seq.value, 3);
  EXPECT_TRUE(replay(R"({"dry_run":true})", "/2/replay").dry_run);
  EXPECT_THAT(letters().replays, IsEmpty());
}

TEST_F(DeadLetterApiTest, ReplaysOne) {
  add(DeadReason::expired);
  EXPECT_EQ(replay("", "/1/replay").stored, 1);
  EXPECT_EQ(replay("{}", "/1/replay").skipped, 1);
  EXPECT_EQ(code(call("POST", at("/2/replay"))), "not_found");
  EXPECT_EQ(call("POST", at("/x/replay")).status, 404);
}

TEST_F(DeadLetterApiTest, AnOutageIsA503AndATenantThatIsNotActiveReplaysNothing) {
  add(DeadReason::expired);
  letters().outage = fail(ErrorCode::database_unavailable, "db.internal is away");
  EXPECT_EQ(call("GET", at("")).status, 503);
  EXPECT_EQ(call("POST", at("/replay"), R"({"seqs":[1]})").status, 503);
  EXPECT_EQ(call("DELETE", at("?all=true")).status, 503);
  letters().outage.reset();
  world_.tenants.set_state("acme", TenantState::deleting);
  EXPECT_EQ(code(call("POST", at("/replay"), R"({"all":true})")), "conflict");
  EXPECT_EQ(code(call("POST", "/tenants/beta/dead-letters/replay", R"({"all":true})")), "not_found");
}

TEST(DeadLetterRoutes, AreNotForViewers) {
  const TenantId own{Uuid::v4()};
  const auth::Principal viewer{"v", auth::Role::viewer, own};
  const auth::Principal tenant{"t", auth::Role::tenant, own};
  int found = 0;
  for (const auto& route : routes()) {
    if (route.pattern.find("dead-letters") == std::string_view::npos) continue;
    ++found;
    EXPECT_FALSE(auth::permits(viewer, route.permission, own)) << route.pattern;
    EXPECT_TRUE(auth::permits(tenant, route.permission, own)) << route.pattern;
    EXPECT_FALSE(auth::permits(tenant, route.permission, TenantId{Uuid::v4()})) << route.pattern;
  }
  EXPECT_EQ(found, 6);
}

}  // namespace
}  // namespace mtmsg::http
