#include "http/publish_rates.hpp"

#include <deque>
#include <random>

#include <gtest/gtest.h>

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;
using Clock = TokenBucket::Clock;

const Clock::time_point kStart = Clock::time_point{} + 1000h;

TenantId some_tenant() {
  return TenantId{Uuid::v4()};
}

TEST(TokenBucket, GivesOneSecondsWorthAtOnceAndThenSaysHowLongToWait) {
  TokenBucket bucket(kStart);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(bucket.take(10, kStart)) << i;
  EXPECT_EQ(bucket.take(10, kStart), 100ms);
  EXPECT_EQ(bucket.take(10, kStart + 60ms), 40ms);
  EXPECT_FALSE(bucket.take(10, kStart + 100ms));
  EXPECT_TRUE(bucket.take(10, kStart + 100ms));
}

TEST(TokenBucket, WaitingAsLongAsItSaysIsEnoughAndANanosecondLessIsNot) {
  for (const std::uint64_t rate : {1U, 3U, 7U, 999U, 1'000'000U}) {
    TokenBucket bucket(kStart);
    auto now = kStart;
    while (!bucket.take(rate, now)) {
    }
    const auto wait = *bucket.take(rate, now);
    EXPECT_TRUE(bucket.take(rate, now + wait - 1ns)) << rate;
    EXPECT_FALSE(bucket.take(rate, now + wait)) << rate;
  }
}

TEST(TokenBucket, NeverGivesMoreThanRateTimesTimeAndTheBurst) {
  std::mt19937_64 random(20260131);
  for (int round = 0; round < 50; ++round) {
    const std::uint64_t rate = 1 + random() % 200;
    TokenBucket bucket(kStart);
    std::deque<Clock::time_point> taken;
    auto now = kStart;
    for (int i = 0; i < 2000; ++i) {
      now += std::chrono::nanoseconds(random() % (2'000'000'000 / rate));
      // Bursts, pauses, and a clock that stands still.
      if (random() % 100 == 0) now += std::chrono::milliseconds(random() % 3000);
      const auto tries = random() % 4;
      for (std::uint64_t n = 0; n < tries; ++n)
        if (!bucket.take(rate, now)) taken.push_back(now);
    }
    for (std::size_t first = 0; first < taken.size(); first += 37) {
      for (std::size_t last = first; last < taken.size(); last += 11) {
        const std::chrono::duration<double> passed = taken[last] - taken[first];
        ASSERT_LE(static_cast<double>(last - first + 1),
                  static_cast<double>(rate) * passed.count() + static_cast<double>(rate) + 1e-6)
            << "rate " << rate;
      }
    }
  }
}

TEST(TokenBucket, TimeThatGoesBackwardsBringsNothing) {
  TokenBucket bucket(kStart);
  EXPECT_FALSE(bucket.take(1, kStart));
  EXPECT_TRUE(bucket.take(1, kStart - 10s));
  EXPECT_TRUE(bucket.take(1, kStart + 999ms));
  EXPECT_FALSE(bucket.take(1, kStart + 1s));
}

TEST(TokenBucket, ALowerRateTakesTheRestOfTheBurstAway) {
  TokenBucket bucket(kStart);
  EXPECT_FALSE(bucket.take(1000, kStart));
  EXPECT_FALSE(bucket.take(2, kStart));
  EXPECT_FALSE(bucket.take(2, kStart));
  EXPECT_TRUE(bucket.take(2, kStart));
  EXPECT_TRUE(bucket.take(1000, kStart)) << "a higher one gives nothing that was not earned";
}

TEST(TokenBucket, APauseOfYearsOverflowsNothing) {
  TokenBucket bucket(kStart);
  const auto later = kStart + 24h * 365 * 100;
  int taken = 0;
  while (!bucket.take(5, later)) ++taken;
  EXPECT_EQ(taken, 5);
}

class PublishRatesTest : public testing::Test {
 protected:
  Clock::time_point now_ = kStart;
  PublishRates rates_{[this] { return now_; }};
};

TEST_F(PublishRatesTest, OneTenantDoesNotSlowAnother) {
  const auto fast = some_tenant(), slow = some_tenant();
  EXPECT_FALSE(rates_.take(slow, 1));
  EXPECT_TRUE(rates_.take(slow, 1));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(rates_.take(fast, 100));
}

TEST_F(PublishRatesTest, NoLimitHoldsNothing) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(rates_.take(some_tenant(), 0));
  EXPECT_EQ(rates_.size(), 0U);
}

TEST_F(PublishRatesTest, TenantsThatAreQuietAreForgottenAndNoneGainsByIt) {
  const auto busy = some_tenant();
  const auto sly = some_tenant();  // comes back just before it would be forgotten
  int of_busy = 0, of_sly = 0;
  for (int passed = 0; passed < 20'000; ++passed) {
    EXPECT_FALSE(rates_.take(some_tenant(), 1));
    of_busy += rates_.take(busy, 10) ? 0 : 1;
    for (int i = 0; passed % 900 == 0 && i < 10; ++i) of_sly += rates_.take(sly, 10) ? 0 : 1;
    now_ += 1ms;
  }
  EXPECT_LE(of_busy, 10 * 20 + 10);
  EXPECT_GE(of_busy, 10 * 20);
  EXPECT_LE(of_sly, 10 + 9 * (20'000 / 900));
  EXPECT_LE(rates_.size(), 3000U);
}

TEST_F(PublishRatesTest, ARefusalIsRememberedForMoments) {
  const auto tenant = some_tenant();
  EXPECT_FALSE(rates_.take(tenant, 1));
  EXPECT_FALSE(rates_.throttled(tenant));
  EXPECT_TRUE(rates_.take(tenant, 1));
  EXPECT_TRUE(rates_.throttled(tenant));
  now_ += 9s;
  EXPECT_TRUE(rates_.throttled(tenant));
  now_ += 1s;
  EXPECT_FALSE(rates_.throttled(tenant));
  EXPECT_FALSE(rates_.throttled(some_tenant()));
}

}  // namespace
}  // namespace mtmsg::http
