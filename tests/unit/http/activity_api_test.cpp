// GET /activity: what the rows say is tests/unit/tenants/moves_test.cpp's.

#include <gmock/gmock.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/activity.hpp"

namespace mtmsg::http {
namespace {

using testing::HasSubstr;
using Database = tenants::Overview::Database;

class ActivityApi : public ApiTest {
 protected:
  ActivityApi() {
    for (const auto* name : {"eu-1", "eu-2", "us-1"}) {
      auto& look = world_.look.tenants.emplace_back();
      look.tenant.id = TenantId{Uuid::v7()};
      look.tenant.name = name;
      look.tenant.state = TenantState::active;
      look.activity.consuming = true;
      look.activity.prefetch = 1500;
      look.activity.workers = 3;
      look.activity.settled_per_second = 1.5;
      look.counts = store::TenantCounts{Sequence{9}, Sequence{1}, 90, 2};
    }
    world_.look.tenants[1].activity.unacked = 7;
    world_.look.tenants[2].depth = tenants::DepthWatch::Depth{40, 1, 0};
  }
  wire::ActivityPage page(const std::string& query = "") {
    const auto response = call("GET", "/activity" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return wire::read_activity_page(response.body).value();
  }
  static std::string names(const wire::ActivityPage& page) {
    std::string all;
    for (const auto& row : page.data) all += (all.empty() ? "" : " ") + row.name;
    return all;
  }
};

TEST_F(ActivityApi, TellsEachTenantTheDeepestFirstAndTheTotal) {
  const auto seen = page();
  EXPECT_EQ(names(seen), "us-1 eu-2 eu-1");
  EXPECT_EQ(seen.total.tenants, 3U);
  EXPECT_EQ(seen.total.ready, 40U);
  EXPECT_EQ(seen.total.unacked, 7U);
  EXPECT_EQ(seen.total.out_per_second, 4.5);
  EXPECT_EQ(seen.total.dead_letters, 6);
  EXPECT_EQ(seen.data[0].messages, 9);
  EXPECT_EQ(world_.asked_database, Database::asked);
}

TEST_F(ActivityApi, FiltersSortsAndCutsButCountsAllThatTheFilterLetsThrough) {
  EXPECT_EQ(names(page("?name=eu&sort=name")), "eu-1 eu-2");
  EXPECT_EQ(names(page("?sort=name&reverse=true")), "us-1 eu-2 eu-1");
  const auto cut = page("?name=eu&sort=name&limit=1");
  EXPECT_EQ(names(cut), "eu-1");
  EXPECT_EQ(cut.total.tenants, 2U);
  EXPECT_EQ(cut.total.unacked, 7U);
}

TEST_F(ActivityApi, AnswersWhileTheDatabaseIsAway) {
  world_.ready = false;
  for (auto& look : world_.look.tenants) look.counts.reset();
  const auto seen = page();
  EXPECT_EQ(world_.asked_database, Database::left_alone);
  EXPECT_FALSE(seen.ready);
  EXPECT_THAT(seen.not_ready, HasSubstr("database"));
  EXPECT_EQ(seen.data[0].state, "away");
  EXPECT_FALSE(seen.data[0].messages);
}

TEST_F(ActivityApi, RefusesWhatItDoesNotKnowAndNamesIt) {
  for (const auto* query : {"?sort=size", "?limit=0", "?limit=1001", "?reverse=perhaps", "?name=UPPER", "?color=red"}) {
    const auto response = call("GET", std::string("/activity") + query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_EQ(code(response), "invalid_argument") << query;
  }
  EXPECT_THAT(detail(call("GET", "/activity?sort=size")), HasSubstr("name, state, depth"));
}

}  // namespace
}  // namespace mtmsg::http
