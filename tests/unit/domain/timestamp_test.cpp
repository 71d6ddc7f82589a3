#include <random>

#include <gtest/gtest.h>

#include "domain/message.hpp"

namespace mtmsg {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year;

const Timestamp kNoon = Timestamp{sys_days{year{2026} / 1 / 31}} + 12h;

TEST(ParseTimestamp, TakesRfc3339WithItsOffset) {
  EXPECT_EQ(*parse_timestamp("2026-01-31T12:00:00Z"), kNoon);
  EXPECT_EQ(*parse_timestamp("2026-01-31t12:00:00z"), kNoon);
  EXPECT_EQ(*parse_timestamp("2026-01-31T13:30:00+01:30"), kNoon);
  EXPECT_EQ(*parse_timestamp("2026-01-30T23:00:00-13:00"), kNoon);
  EXPECT_EQ(*parse_timestamp("2026-01-31T12:00:00.5Z"), kNoon + 500ms);
  EXPECT_EQ(*parse_timestamp("1970-01-01T00:00:00Z"), Timestamp{});
  EXPECT_EQ(*parse_timestamp("1969-12-31T23:59:59.999999Z"), Timestamp{-1us});
  EXPECT_TRUE(parse_timestamp("2024-02-29T00:00:00Z"));
}

TEST(ParseTimestamp, CutsWhatIsFinerThanMicroseconds) {
  EXPECT_EQ(*parse_timestamp("2026-01-31T12:00:00.1234567899999999999Z"), kNoon + 123456us);
}

TEST(ParseTimestamp, TakesALeapSecondOnlyAtTheEndOfAUtcDay) {
  const auto next_day = Timestamp{sys_days{year{2017} / 1 / 1}};
  EXPECT_EQ(*parse_timestamp("2016-12-31T23:59:60Z"), next_day);
  EXPECT_EQ(*parse_timestamp("2016-12-31T15:59:60.9-08:00"), next_day);
  EXPECT_FALSE(parse_timestamp("2016-12-31T12:00:60Z"));
}

TEST(ParseTimestamp, RefusesEverythingElse) {
  for (const char* text : {"",
                           "2026",
                           "2026-01-31",
                           "2026-01-31T12:00:00",
                           "2026-01-31 12:00:00Z",
                           "2026-1-31T12:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-31T24:00:00Z",
                           "2026-01-31T12:60:00Z",
                           "2026-01-31T12:00:61Z",
                           "2026-01-31T12:00Z",
                           "2026-01-31T12:00:00.Z",
                           "2026-01-31T12:00:00,5Z",
                           "2026-01-31T12:00:00+0100",
                           "2026-01-31T12:00:00+24:00",
                           "2026-01-31T12:00:00+01:60",
                           "2026-01-31T12:00:00Z ",
                           " 2026-01-31T12:00:00Z",
                           "2026-01-31T12:00:00ZZ",
                           "-2026-01-31T12:00:00Z",
                           "02026-01-31T12:00:00Z",
                           "2026-01-31T12:00:00 01:00",
                           "now",
                           "1769860800"}) {
    const auto parsed = parse_timestamp(text);
    ASSERT_TRUE(parsed.has_error()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  }
}

TEST(FormatTimestamp, IsUtcWithSixDigitsOfFraction) {
  EXPECT_EQ(format_timestamp(kNoon + 42us), "2026-01-31T12:00:00.000042Z");
  EXPECT_EQ(format_timestamp(Timestamp{-1us}), "1969-12-31T23:59:59.999999Z");
}

TEST(FormatTimestamp, StaysWithinWhatRfc3339CanWrite) {
  EXPECT_EQ(format_timestamp(Timestamp::max()), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_timestamp(Timestamp::min()), "0000-01-01T00:00:00.000000Z");
}

TEST(FormatTimestamp, EveryTimeSurvivesItsWrittenForm) {
  std::mt19937_64 random(20260131);
  const auto first = Timestamp{sys_days{year{0} / 1 / 1}}.time_since_epoch().count();
  const auto last = Timestamp{sys_days{year{9999} / 12 / 31}}.time_since_epoch().count();
  std::uniform_int_distribution<std::int64_t> any(first, last);
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp time{microseconds{any(random)}};
    const auto text = format_timestamp(time);
    ASSERT_EQ(text.size(), 27U);
    ASSERT_EQ(*parse_timestamp(text), time) << text;
  }
}

}  // namespace
}  // namespace mtmsg
