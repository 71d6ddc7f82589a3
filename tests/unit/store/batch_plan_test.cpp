#include "store/pg/batch_plan.hpp"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::store::pg {
namespace {

using Fate = BatchPlan::Fate;

const Refusal kRefusal{DeadReason::invalid_json, "no", ""};

MessageId id(unsigned number) {
  return MessageId{Uuid::v5(Uuid{}, std::to_string(number))};
}

TenantId tenant(unsigned number) {
  return TenantId{Uuid::v5(Uuid{}, "tenant" + std::to_string(number))};
}

IncomingMessage message(unsigned number, std::optional<Refusal> refusal = std::nullopt) {
  IncomingMessage made;
  made.id = id(number);
  made.payload = "1";
  made.headers = "{}";
  made.refusal = std::move(refusal);
  return made;
}

std::vector<Fate> fates(const BatchPlan& plan) {
  std::vector<Fate> all;
  for (const auto& entry : plan.entries()) all.push_back(entry.fate);
  return all;
}

class BatchPlanTest : public testing::Test {
 protected:
  CopyRows rows_;
};

TEST_F(BatchPlanTest, TakesATenantForGoneUntilItsCounterIsLocked) {
  const Batch batch{{tenant(1), {message(1)}}, {tenant(2), {message(2), message(3, kRefusal)}}};
  BatchPlan plan(batch, rows_);
  plan.locked(0, Sequence{7}, Timestamp{});
  EXPECT_EQ(plan.settle(), 1U);
  EXPECT_TRUE(plan.dead_letters().empty());
  const auto outcomes = plan.outcomes();
  EXPECT_EQ(outcomes[0].last_seq.value, 8);
  EXPECT_TRUE(outcomes[1].gone);
  EXPECT_EQ(outcomes[1].stored + outcomes[1].duplicates + outcomes[1].dead_letters, 0U);
}

TEST_F(BatchPlanTest, KeepsTheFirstOfAnIdAndWhatPostgresDoesNotHave) {
  const Batch batch{{tenant(1), {message(1), message(2), message(1), message(3)}}};
  BatchPlan plan(batch, rows_);
  plan.locked(0, Sequence{0}, Timestamp{});
  plan.stored_before(0, id(2));
  EXPECT_EQ(plan.settle(), 2U);
  EXPECT_EQ(fates(plan), (std::vector{Fate::keep, Fate::stored_before, Fate::repeated, Fate::keep}));
}

TEST_F(BatchPlanTest, KeepsTheSecondOfAnIdWhenTheFirstIsRefused) {
  const Batch batch{{tenant(1), {message(1), message(1), message(1)}}};
  BatchPlan plan(batch, rows_);
  plan.locked(0, Sequence{0}, Timestamp{});
  plan.settle();
  EXPECT_EQ(plan.open_entries().size(), 3U);
  plan.refused(0, Refusal{DeadReason::rejected_by_database, "no", "22P05"});
  EXPECT_EQ(plan.settle(), 1U);
  EXPECT_EQ(fates(plan), (std::vector{Fate::refused, Fate::keep, Fate::repeated}));
  EXPECT_EQ(plan.dead_letters().at(0).refusal->sqlstate, "22P05");
}

TEST_F(BatchPlanTest, TellsTheSameIdOfTwoTenantsApart) {
  const Batch batch{{tenant(1), {message(1)}}, {tenant(2), {message(1)}}};
  BatchPlan plan(batch, rows_);
  plan.locked(0, Sequence{0}, Timestamp{});
  plan.locked(1, Sequence{0}, Timestamp{});
  plan.stored_before(0, id(1));
  EXPECT_EQ(plan.settle(), 1U);
  EXPECT_EQ(fates(plan), (std::vector{Fate::stored_before, Fate::keep}));
}

TEST_F(BatchPlanTest, MakesOneDeadLetterOfAnIdThatIsRefusedTwice) {
  const Batch batch{{tenant(1), {message(1, kRefusal), message(2, kRefusal), message(1, kRefusal)}},
                    {tenant(2), {message(1, kRefusal)}}};
  BatchPlan plan(batch, rows_);
  plan.locked(0, Sequence{0}, Timestamp{});
  plan.locked(1, Sequence{0}, Timestamp{});
  EXPECT_EQ(plan.settle(), 0U);
  const auto letters = plan.dead_letters();
  ASSERT_EQ(letters.size(), 3U);
  EXPECT_EQ(letters[0].arrivals, 2U);
  EXPECT_EQ(letters[1].arrivals, 1U);
  EXPECT_EQ(letters[2].arrivals, 1U);
  EXPECT_EQ(plan.outcomes()[0].dead_letters, 3U);
}

TEST_F(BatchPlanTest, AccountsForEveryMessageWhateverHappens) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    Batch batch;
    for (unsigned t = 0; t < 1 + random() % 4; ++t) {
      auto& part = batch.emplace_back(TenantBatch{tenant(t), {}});
      for (unsigned i = 0; i < random() % 20; ++i)
        part.messages.push_back(random() % 5 ? message(random() % 12) : message(random() % 12, kRefusal));
    }
    BatchPlan plan(batch, rows_);
    for (std::size_t t = 0; t < batch.size(); ++t)
      if (random() % 4) plan.locked(t, Sequence{100}, Timestamp{});
    for (std::size_t t = 0; t < batch.size(); ++t)
      if (random() % 2) plan.stored_before(t, id(random() % 12));
    plan.settle();
    for (const auto entry : plan.open_entries())
      if (random() % 4 == 0) plan.refused(entry, Refusal{DeadReason::rejected_by_database, "", "22P02"});
    std::size_t kept = plan.settle();
    const auto outcomes = plan.outcomes();
    for (std::size_t t = 0; t < batch.size(); ++t) {
      kept -= outcomes[t].stored;
      if (outcomes[t].gone) continue;
      EXPECT_EQ(outcomes[t].stored + outcomes[t].duplicates + outcomes[t].dead_letters, batch[t].messages.size());
      EXPECT_EQ(outcomes[t].last_seq.value, 100 + outcomes[t].stored);
      std::set<MessageId> ids;
      for (auto i = plan.tenants()[t].begin; i < plan.tenants()[t].end; ++i)
        if (plan.entries()[i].fate == Fate::keep) {
          EXPECT_TRUE(ids.insert(plan.entries()[i].message->id).second);
        }
    }
    EXPECT_EQ(kept, 0U);
  }
}

}  // namespace
}  // namespace mtmsg::store::pg
