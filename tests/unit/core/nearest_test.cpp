#include "core/nearest.hpp"

#include <array>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

constexpr std::array<std::string_view, 5> kNouns{"tenant", "message", "concurrency", "migrate", "status"};

TEST(NearestName, FindsTheNameBehindASlip) {
  EXPECT_EQ(nearest_name("tennant", kNouns), "tenant");
  EXPECT_EQ(nearest_name("mesage", kNouns), "message");
  EXPECT_EQ(nearest_name("satus", kNouns), "status");
  EXPECT_EQ(nearest_name("TENANT", kNouns), "tenant");
}

TEST(NearestName, CountsTwoSwappedNeighboursAsOneSlip) {
  EXPECT_EQ(nearest_name("teh", std::array<std::string_view, 1>{"the"}), "the");
}

TEST(NearestName, OffersNothingForADifferentWord) {
  EXPECT_EQ(nearest_name("frobnicate", kNouns), std::nullopt);
  EXPECT_EQ(nearest_name("", kNouns), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100'000, 'x'), kNouns), std::nullopt);
}

TEST(NearestName, PrefersTheFewestChangesAndThenTheFirst) {
  EXPECT_EQ(nearest_name("gett", std::array<std::string_view, 3>{"gets", "get", "best"}), "gets");
  EXPECT_EQ(nearest_name("sett", std::array<std::string_view, 2>{"settle", "set"}), "set");
}

}  // namespace
}  // namespace mtmsg
