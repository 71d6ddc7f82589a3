#include "tenants/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace mtmsg::tenants {
namespace {

Tenant tenant_in(TenantState state) {
  Tenant tenant;
  tenant.state = state;
  return tenant;
}

std::vector<Step> plan_for(TenantState state, Situation situation = Situation::fresh, Flow flow = Flow::open) {
  return plan(tenant_in(state), situation, flow);
}

std::ptrdiff_t at(const std::vector<Step>& steps, Step step) {
  return std::find(steps.begin(), steps.end(), step) - steps.begin();
}

bool has(const std::vector<Step>& steps, Step step) {
  return std::find(steps.begin(), steps.end(), step) != steps.end();
}

TEST(Plan, ATenantIsServedOnlyWhenPartitionAndQueueStand) {
  for (const auto situation : {Situation::fresh, Situation::broken}) {
    const auto steps = plan_for(TenantState::creating, situation);
    EXPECT_LT(at(steps, Step::ensure_partition), at(steps, Step::serve));
    EXPECT_LT(at(steps, Step::declare_topology), at(steps, Step::serve));
    EXPECT_EQ(steps.back(), Step::mark_active);
  }
}

TEST(Plan, StartingWithAnActiveTenantDeclaresNothing) {
  EXPECT_EQ(plan_for(TenantState::active), std::vector{Step::serve});
}

TEST(Plan, ABrokenTenantGetsItsQueueAndPartitionBack) {
  const auto steps = plan_for(TenantState::active, Situation::broken);
  EXPECT_LT(at(steps, Step::declare_topology), at(steps, Step::serve));
  EXPECT_LT(at(steps, Step::ensure_partition), at(steps, Step::serve));
}

TEST(Plan, ATenantWhoseMessagesAreToWaitHasNoConsumerInAnySituation) {
  for (const auto situation : {Situation::fresh, Situation::broken, Situation::elsewhere}) {
    const auto steps = plan_for(TenantState::active, situation, Flow::shut);
    EXPECT_FALSE(has(steps, Step::serve));
    EXPECT_EQ(steps.back(), Step::stop_consumer);
  }
}

TEST(Plan, DeletingLetsGoOfTheBrokerBeforeTheDatabaseAndForgetsTheRowLast) {
  const auto steps = plan_for(TenantState::deleting);
  EXPECT_EQ(steps.front(), Step::stop_consumer);
  EXPECT_LT(at(steps, Step::stop_consumer), at(steps, Step::delete_topology));
  EXPECT_LT(at(steps, Step::remove_counter), at(steps, Step::drop_partition));
  EXPECT_EQ(steps.back(), Step::remove_row);
}

TEST(Plan, NothingIsDeletedBeforeEveryDaemonHasLetGo) {
  const auto steps = plan_for(TenantState::deleting);
  EXPECT_LT(at(steps, Step::release), at(steps, Step::await_others));
  EXPECT_LT(at(steps, Step::await_others), at(steps, Step::delete_topology));
}

TEST(Plan, OneThatIsDeletedOnlyIfEmptyIsLookedAtWhenNobodyConsumesAndBeforeAnythingGoes) {
  auto tenant = tenant_in(TenantState::deleting);
  tenant.delete_if_empty = true;
  const auto steps = plan(tenant, Situation::fresh, Flow::open);
  EXPECT_LT(at(steps, Step::await_others), at(steps, Step::check_empty));
  EXPECT_LT(at(steps, Step::check_empty), at(steps, Step::delete_topology));
  EXPECT_FALSE(has(plan_for(TenantState::deleting), Step::check_empty));
}

TEST(Plan, MessagesThatAreKeptAreNotDropped) {
  auto tenant = tenant_in(TenantState::deleting);
  tenant.keep_messages = true;
  const auto steps = plan(tenant, Situation::fresh, Flow::open);
  EXPECT_TRUE(has(steps, Step::keep_partition));
  EXPECT_FALSE(has(steps, Step::drop_partition));
}

TEST(Plan, WhatAnotherDaemonIsAtIsLeftToItButForOurPart) {
  EXPECT_TRUE(plan_for(TenantState::creating, Situation::elsewhere).empty());
  EXPECT_EQ(plan_for(TenantState::deleting, Situation::elsewhere), (std::vector{Step::stop_consumer, Step::release}));
  EXPECT_EQ(plan_for(TenantState::active, Situation::elsewhere), std::vector{Step::serve});
}

}  // namespace
}  // namespace mtmsg::tenants
