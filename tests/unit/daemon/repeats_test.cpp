#include "daemon/repeats.hpp"

#include <gmock/gmock.h>

namespace mtmsg::daemon {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Repeats, TellTheFirstAtOnceAndSumUpTheRest) {
  Repeats repeats;
  const auto begin = Repeats::Clock::now();
  EXPECT_TRUE(repeats.first("a", begin));
  for (int n = 0; n < 1000; ++n) EXPECT_FALSE(repeats.first("a", begin + 1s));
  EXPECT_TRUE(repeats.first("b", begin + 5s));
  EXPECT_THAT(repeats.sums(begin + 9s), IsEmpty());
  const auto sums = repeats.sums(begin + 10s);
  ASSERT_THAT(sums, SizeIs(1));
  EXPECT_EQ(sums[0].kind, "a");
  EXPECT_EQ(sums[0].more, 1000U);
  EXPECT_TRUE(repeats.first("a", begin + 11s));
  EXPECT_THAT(repeats.sums(begin + 16s), IsEmpty());  // b came once: there is nothing to add
  EXPECT_TRUE(repeats.first("b", begin + 17s));
}

TEST(Repeats, TellApartABoundedNumber) {
  Repeats repeats;
  const auto begin = Repeats::Clock::now();
  std::size_t told = 0;
  for (int n = 0; n < 10'000; ++n) told += repeats.first("kind-" + std::to_string(n), begin) ? 1 : 0;
  EXPECT_EQ(told, Repeats::kKinds + 1);
  const auto sums = repeats.sums(begin + 10s);
  ASSERT_THAT(sums, SizeIs(1));
  EXPECT_EQ(sums[0].kind, Repeats::kOthers);
  EXPECT_EQ(sums[0].more, 10'000 - Repeats::kKinds - 1);
}

}  // namespace
}  // namespace mtmsg::daemon
