#include "tenants/depth_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::tenants {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const DepthWatch::Clock::time_point kStart{1h};
const std::vector<TenantId> kTenants = [] {
  std::vector<TenantId> all;
  for (int i = 0; i < 5; ++i) all.push_back(TenantId{Uuid::v7()});
  return all;
}();

TEST(DepthWatch, AsksNobodyWhereNothingCanWait) {
  EXPECT_THAT(DepthWatch().due({}, 10), IsEmpty());
}

TEST(DepthWatch, AsksABoundedNumberTheLongestUnaskedFirst) {
  DepthWatch watch;
  EXPECT_THAT(watch.due(kTenants, 2).size(), 2U);
  std::vector<TenantId> seen;
  for (int i = 0; i < 5; ++i)
    for (const auto tenant : watch.due(kTenants, 1)) seen.push_back(tenant);
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(kTenants)) << "everybody's turn comes before anybody's second";
}

TEST(DepthWatch, KeepsTheLastAnswerAndHowFastItGrows) {
  DepthWatch watch;
  watch.due({kTenants[0]}, 10);
  EXPECT_FALSE(watch.find(kTenants[0]));
  watch.answered(kTenants[0], 100, 1, kStart);
  EXPECT_EQ(watch.find(kTenants[0])->ready, 100U);
  EXPECT_EQ(watch.find(kTenants[0])->growth_per_second, 0);
  watch.due({kTenants[0]}, 10);
  watch.answered(kTenants[0], 40, 1, kStart + 2s);
  EXPECT_EQ(watch.find(kTenants[0])->ready, 40U);
  EXPECT_EQ(watch.find(kTenants[0])->growth_per_second, -30);
}

TEST(DepthWatch, ForgetsWhoIsNotWorthAskingAnyMore) {
  DepthWatch watch;
  watch.due({kTenants[0], kTenants[1]}, 10);
  watch.answered(kTenants[0], 7, 0, kStart);
  watch.due({kTenants[1]}, 10);
  EXPECT_FALSE(watch.find(kTenants[0]));
  watch.answered(kTenants[0], 7, 0, kStart);
  EXPECT_FALSE(watch.find(kTenants[0])) << "an answer that comes too late";
}

}  // namespace
}  // namespace mtmsg::tenants
