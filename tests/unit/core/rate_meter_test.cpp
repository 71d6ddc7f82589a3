#include "core/rate_meter.hpp"

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

using namespace std::chrono_literals;

const RateMeter::Clock::time_point kStart{1h};

TEST(RateMeter, IsNothingBeforeAnythingHappened) {
  const RateMeter meter;
  EXPECT_EQ(meter.per_second(kStart), 0);
  EXPECT_FALSE(meter.last());
}

TEST(RateMeter, ComesToTheRateOfASteadyStream) {
  RateMeter meter;
  auto now = kStart;
  for (int i = 0; i < 600; ++i) meter.add(10, now += 100ms);
  EXPECT_NEAR(meter.per_second(now), 100, 2);
  EXPECT_EQ(meter.last(), now);
}

TEST(RateMeter, ForgetsWithinAMinuteWhatHasEnded) {
  RateMeter meter;
  auto now = kStart;
  for (int i = 0; i < 600; ++i) meter.add(10, now += 100ms);
  EXPECT_LT(meter.per_second(now + 5s), 40);
  EXPECT_EQ(meter.per_second(now + 60s), 0);
}

TEST(RateMeter, StandsStillWhenTimeGoesBackwards) {
  RateMeter meter;
  meter.add(50, kStart);
  EXPECT_NEAR(meter.per_second(kStart - 10s), 10, 0.01);
  meter.add(50, kStart - 10s);
  EXPECT_NEAR(meter.per_second(kStart), 20, 0.01);
}

}  // namespace
}  // namespace mtmsg
