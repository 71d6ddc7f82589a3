#include "tenants/retention.hpp"

#include <random>

#include <gtest/gtest.h>

namespace mtmsg::tenants {
namespace {

using namespace std::chrono_literals;
const auto kNow = std::chrono::steady_clock::time_point(1000h);

store::Retained kept(std::int64_t oldest, std::int64_t last, std::chrono::seconds age, std::uint64_t most) {
  return {TenantId{Uuid::v4()}, Sequence{oldest}, Sequence{last}, age, most};
}

TEST(Retention, OfNothingThatIsTooMuchOrCouldBeTooOldCostsNothing) {
  EXPECT_FALSE(cut_of(kept(1, 100, 0s, 100), nullptr, kNow).needed());
  EXPECT_FALSE(cut_of(kept(101, 100, 60s, 1), nullptr, kNow).needed()) << "nothing is kept";
  const RetentionMemory young{Sequence{1}, kNow + 1s};
  EXPECT_FALSE(cut_of(kept(1, 100, 60s, 0), &young, kNow).needed());
}

TEST(Retention, ByNumberKeepsAsManyAsItMayWhateverTheNumbersAre) {
  std::mt19937 random(4);
  for (int i = 0; i < 1000; ++i) {
    const auto oldest = static_cast<std::int64_t>(1 + random() % 1000);
    const auto last = oldest - 1 + static_cast<std::int64_t>(random() % 1000);
    const auto most = 1 + random() % 1000;
    const auto cut = cut_of(kept(oldest, last, 0s, most), nullptr, kNow);
    const auto left = last - std::max(oldest, cut.below.value) + 1;
    EXPECT_EQ(left, std::min<std::int64_t>(last - oldest + 1, static_cast<std::int64_t>(most)));
  }
}

TEST(Retention, ByAgeLooksOnceAndThenWhenTheOldestMessageIsDue) {
  const auto tenant = kept(5, 100, 60s, 0);
  EXPECT_TRUE(cut_of(tenant, nullptr, kNow).look_at_age);
  const RetentionMemory known{Sequence{5}, kNow + 10s};
  EXPECT_FALSE(cut_of(tenant, &known, kNow + 9s).look_at_age);
  EXPECT_TRUE(cut_of(tenant, &known, kNow + 10s).look_at_age);
}

TEST(Retention, ByAgeLooksAgainWhenSomebodyElseRemovedTheOldest) {
  const RetentionMemory known{Sequence{5}, kNow + 10s};
  EXPECT_TRUE(cut_of(kept(9, 100, 60s, 0), &known, kNow).look_at_age);
}

}  // namespace
}  // namespace mtmsg::tenants
