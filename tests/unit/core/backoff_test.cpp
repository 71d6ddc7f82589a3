#include "core/backoff.hpp"

#include <random>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsCap) {
  Backoff backoff({.first = 100ms, .cap = 1000ms});
  // A random number that takes the whole of each wait: a multiple of half + 1, minus one.
  for (const auto whole : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    EXPECT_EQ(backoff.next(static_cast<std::uint32_t>(whole.count() / 2)), whole);
  }
  EXPECT_EQ(backoff.tries(), 6U);
}

TEST(Backoff, BeginsAnewAfterASuccessThatLasted) {
  Backoff backoff;
  for (int i = 0; i < 10; ++i) backoff.next(0);
  backoff.worked(1000ms);
  EXPECT_EQ(backoff.tries(), 0U);
  EXPECT_EQ(backoff.next(0), 50ms);
}

TEST(Backoff, GoesOnAfterASuccessThatFellAtOnce) {
  Backoff backoff;
  for (int i = 0; i < 10; ++i) backoff.next(0);
  backoff.worked(999ms);
  EXPECT_EQ(backoff.tries(), 10U);
  EXPECT_EQ(backoff.next(0), 2500ms);
}

TEST(Backoff, StaysBetweenHalfAndTheWholeForAnyRandomnessAndAnyNumberOfTries) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const auto first = std::chrono::milliseconds(1 + random() % 1'000);
    const auto cap = first + std::chrono::milliseconds(random() % 100'000);
    Backoff backoff({first, cap});
    auto whole = first;
    for (int i = 0; i < 3'000; ++i) {
      const auto wait = backoff.next(static_cast<std::uint32_t>(random()));
      ASSERT_LE(wait, whole);
      ASSERT_GE(wait * 2, whole);
      whole = std::min(whole * 2, cap);
    }
  }
}

TEST(Backoff, SpreadsItsWaits) {
  std::mt19937 random(6);
  int low = 0;
  for (int i = 0; i < 1'000; ++i)
    low += Backoff({1000ms, 1000ms}).next(static_cast<std::uint32_t>(random())) < 750ms ? 1 : 0;
  EXPECT_GT(low, 400);
  EXPECT_LT(low, 600);
}

}  // namespace
}  // namespace mtmsg
