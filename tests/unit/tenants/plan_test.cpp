#include "tenants/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace mtmsg::tenants {
namespace {

std::ptrdiff_t at(std::span<const Step> steps, Step step) {
  return std::find(steps.begin(), steps.end(), step) - steps.begin();
}

TEST(Plan, ATenantIsServedOnlyWhenPartitionAndQueueStand) {
  for (const auto situation : {Situation::fresh, Situation::broken}) {
    const auto steps = plan(TenantState::creating, situation);
    EXPECT_LT(at(steps, Step::ensure_partition), at(steps, Step::serve));
    EXPECT_LT(at(steps, Step::declare_topology), at(steps, Step::serve));
    EXPECT_EQ(steps.back(), Step::mark_active);
  }
}

TEST(Plan, StartingWithAnActiveTenantDeclaresNothing) {
  const auto steps = plan(TenantState::active, Situation::fresh);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps.front(), Step::serve);
}

TEST(Plan, ABrokenTenantGetsItsQueueAndPartitionBack) {
  const auto steps = plan(TenantState::active, Situation::broken);
  EXPECT_LT(at(steps, Step::declare_topology), at(steps, Step::serve));
  EXPECT_LT(at(steps, Step::ensure_partition), at(steps, Step::serve));
}

TEST(Plan, DeletingLetsGoOfTheBrokerBeforeTheDatabaseAndForgetsTheRowLast) {
  const auto steps = plan(TenantState::deleting, Situation::fresh);
  EXPECT_EQ(steps.front(), Step::stop_consumer);
  EXPECT_LT(at(steps, Step::stop_consumer), at(steps, Step::delete_topology));
  EXPECT_LT(at(steps, Step::remove_counter), at(steps, Step::drop_partition));
  EXPECT_EQ(steps.back(), Step::remove_row);
}

}  // namespace
}  // namespace mtmsg::tenants
