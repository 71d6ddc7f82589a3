#include "tenants/explanation.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::tenants {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A tenant whose messages flow.
TenantFacts flowing() {
  TenantFacts facts;
  facts.tenant.id = TenantId::parse("0190d3c4-5a6b-7c8d-9e0f-112233445566").value();
  facts.tenant.name = "acme";
  facts.tenant.state = TenantState::active;
  facts.counts = store::TenantCounts{Sequence{100}, Sequence{1}, 5000, 0};
  facts.queue_is = TenantFacts::Queue::there;
  facts.queue = {0, 1};
  facts.activity.consuming = true;
  facts.activity.workers = 3;
  return facts;
}

std::vector<Finding> of(const TenantFacts& facts, const Circumstances& around = {},
                        Audience audience = Audience::administrator) {
  return explain(facts, around, audience);
}
std::vector<Cause> causes(const std::vector<Finding>& findings) {
  std::vector<Cause> all;
  for (const auto& finding : findings) all.push_back(finding.cause);
  return all;
}
std::vector<Cause> causes(const TenantFacts& facts, const Circumstances& around = {}) {
  return causes(of(facts, around));
}

TEST(Explanation, SaysThatAllIsWellWhereNothingIsWrong) {
  EXPECT_THAT(causes(flowing()), ElementsAre(Cause::well));
  EXPECT_EQ(worst_of(of(flowing())), Severity::fine);
}

TEST(Explanation, SaysOfAnEmptyTenantThatNothingCameYetAndHowToPublish) {
  auto facts = flowing();
  facts.counts = store::TenantCounts{Sequence{0}, Sequence{1}, 0, 0};
  const auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::nothing_came));
  EXPECT_THAT(found[0].advice, HasSubstr("mtmsgctl message publish acme"));
}

TEST(Explanation, SaysOfAPausedTenantHowManyWaitAndHowToResume) {
  auto facts = flowing();
  facts.tenant.paused = true;
  facts.queue = {120, 0};
  facts.activity.consuming = false;
  const auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::paused)) << "that it has no consumer then is no news";
  EXPECT_THAT(found[0].what, HasSubstr("120 messages wait"));
  EXPECT_EQ(found[0].advice, "mtmsgctl tenant resume acme");
}

TEST(Explanation, SaysSeveralThingsAtOnceTheWorstFirst) {
  auto facts = flowing();
  facts.tenant.paused = true;
  facts.counts->dead_letters = 3;
  Circumstances around;
  around.throttled = true;
  around.database_away = "connection refused";
  EXPECT_THAT(causes(facts, around),
              ElementsAre(Cause::paused, Cause::database_away, Cause::throttled, Cause::dead_letters));
}

TEST(Explanation, OfAnOutageDoesNotBlameWhatFollowsFromIt) {
  auto facts = flowing();
  facts.activity.consuming = false;
  facts.activity.unacked = 5;
  facts.activity.stuck_for = std::chrono::seconds(60);
  facts.queue = {50, 0};
  Circumstances around;
  around.database_away = "connection refused";
  EXPECT_THAT(causes(facts, around), ElementsAre(Cause::database_away));
  facts.queue_is = TenantFacts::Queue::unknown;
  around = {};
  around.broker_away = "connection refused";
  around.publishing_blocked = "not connected";
  EXPECT_THAT(causes(facts, around), ElementsAre(Cause::broker_away));
}

TEST(Explanation, TellsTheReasonOfAnOutageToAdministratorsOnly) {
  Circumstances around;
  around.database_away = "db.internal:5432: connection refused";
  around.broker_away = "mq.internal:5672: connection refused";
  for (const auto& finding : of(flowing(), around)) EXPECT_THAT(finding.what, HasSubstr(".internal"));
  for (const auto& finding : of(flowing(), around, Audience::tenant)) {
    EXPECT_THAT(finding.what + finding.advice, Not(HasSubstr("internal")));
    EXPECT_FALSE(finding.advice.empty());
  }
}

TEST(Explanation, FindsAQueueThatIsGone) {
  auto facts = flowing();
  facts.queue_is = TenantFacts::Queue::missing;
  facts.queue = {};
  facts.activity.consuming = false;
  EXPECT_THAT(causes(facts), ElementsAre(Cause::queue_missing));
}

TEST(Explanation, FindsAMissingConsumerUnlessAnotherDaemonHasOne) {
  auto facts = flowing();
  facts.activity.consuming = false;
  facts.queue = {7, 0};
  facts.delayed = "RabbitMQ refused: exclusive use";
  const auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::no_consumer));
  EXPECT_THAT(found[0].what, HasSubstr("exclusive use"));
  facts.queue = {7, 1};
  EXPECT_THAT(causes(facts), ElementsAre(Cause::no_consumer)) << "somebody has it for himself";
  facts.queue = {0, 1};
  facts.delayed.clear();
  EXPECT_THAT(causes(facts), ElementsAre(Cause::well));
}

TEST(Explanation, FindsWhatHoldsATenantBack) {
  auto facts = flowing();
  facts.full = true;
  facts.queue = {7, 0};
  facts.activity.consuming = false;
  EXPECT_THAT(causes(facts), ElementsAre(Cause::full));
  facts = flowing();
  facts.activity.held = true;
  facts.activity.unacked = 4;
  facts.activity.stuck_for = std::chrono::seconds(60);
  EXPECT_THAT(causes(facts), ElementsAre(Cause::held)) << "that nothing moves follows from it";
  facts.activity.held = false;
  EXPECT_THAT(causes(facts), ElementsAre(Cause::not_moving));
  facts.activity.stuck_for = std::chrono::seconds(1);
  EXPECT_THAT(causes(facts), ElementsAre(Cause::well)) << "a second is nothing";
}

TEST(Explanation, SaysOfAFullQueueThatPublishersAreRefused) {
  auto facts = flowing();
  facts.limits[Limit::max_queue_length] = 10;
  facts.queue = {9, 1};
  facts.activity.settled_per_second = 5;
  EXPECT_THAT(causes(facts), ElementsAre(Cause::draining));
  facts.queue = {10, 1};
  EXPECT_THAT(causes(facts), ElementsAre(Cause::queue_full));
  Circumstances around;
  around.publishing_blocked = "low on memory";
  EXPECT_THAT(causes(flowing(), around), ElementsAre(Cause::publishing_blocked));
}

TEST(Explanation, SaysHowLongABacklogWillTake) {
  auto facts = flowing();
  facts.queue = {9000, 1};
  facts.activity.unacked = 1000;
  facts.activity.settled_per_second = 100;
  const auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::draining));
  EXPECT_THAT(found[0].what, HasSubstr("100 a second"));
  EXPECT_THAT(found[0].what, HasSubstr("100 seconds"));
  EXPECT_EQ(worst_of(found), Severity::slow);
}

TEST(Explanation, FindsAPoisonMessageOnItsWay) {
  auto facts = flowing();
  facts.activity.suspicious = true;
  EXPECT_THAT(causes(facts), ElementsAre(Cause::poison_retried));
  Circumstances around;
  around.tried_again = 1;
  EXPECT_THAT(causes(flowing(), around), ElementsAre(Cause::poison_retried));
}

TEST(Explanation, TellsItsShareOfTheWritersToAdministratorsOnly) {
  auto facts = flowing();
  facts.activity.waiting = 10;
  facts.activity.writers_all_busy = true;
  facts.activity.crowd = {4, 17};
  auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::waiting_for_share));
  EXPECT_THAT(found[0].what, HasSubstr("3 of the 17 workers of 4 tenants"));
  found = of(facts, {}, Audience::tenant);
  EXPECT_THAT(found[0].what, Not(HasSubstr("17")));
  facts.activity.crowd = {1, 3};
  EXPECT_THAT(causes(facts), ElementsAre(Cause::well)) << "alone it has all there is";
}

TEST(Explanation, FindsAFullMemoryAndATenantThatPublishesTooFast) {
  auto facts = flowing();
  facts.activity.memory_full = true;
  facts.limits[Limit::publish_rate] = 50;
  Circumstances around;
  around.throttled = true;
  const auto found = of(facts, around);
  EXPECT_THAT(causes(found), ElementsAre(Cause::memory_full, Cause::throttled));
  EXPECT_THAT(found[1].what, HasSubstr("50 a second"));
}

TEST(Explanation, OfATenantThatComesOrGoesSaysOnlyThat) {
  auto facts = flowing();
  facts.activity.consuming = false;
  facts.queue_is = TenantFacts::Queue::missing;
  facts.tenant.state = TenantState::creating;
  EXPECT_THAT(causes(facts), ElementsAre(Cause::creating));
  facts.tenant.state = TenantState::deleting;
  facts.delayed = "a long transaction holds the tenant's partition";
  const auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::deleting));
  EXPECT_THAT(found[0].what, HasSubstr("long transaction"));
}

TEST(Explanation, CountsDeadLettersAndIsWellAllTheSame) {
  auto facts = flowing();
  facts.counts->dead_letters = 1;
  const auto found = of(facts);
  EXPECT_THAT(causes(found), ElementsAre(Cause::dead_letters, Cause::well));
  EXPECT_THAT(found[0].what, HasSubstr("1 message could not be stored"));
  EXPECT_EQ(worst_of(found), Severity::note);
}

TEST(Explanation, HasARowForEachCauseInTheOrderOfTheEnum) {
  std::set<std::string_view> names;
  int expected = 0;
  for (const auto& row : cause_rows()) {
    EXPECT_EQ(static_cast<int>(row.cause), expected++) << row.name;
    names.insert(row.name);
  }
  EXPECT_EQ(names.size(), cause_rows().size());
  EXPECT_EQ(cause_rows().back().cause, Cause::well);
}

}  // namespace
}  // namespace mtmsg::tenants
