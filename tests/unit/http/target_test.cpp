#include "http/target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Target, SplitsPathAndQuery) {
  const auto target = parse_target("/tenants/acme/messages?cursor=5&limit=10&flag").value();
  EXPECT_THAT(target.segments, ElementsAre("tenants", "acme", "messages"));
  EXPECT_THAT(target.parameters, ElementsAre(Pair("cursor", "5"), Pair("limit", "10"), Pair("flag", "")));
  EXPECT_EQ(target.parameter("limit"), "10");
  EXPECT_EQ(target.parameter("since"), std::nullopt);
  EXPECT_THAT(parse_target("/").value().segments, IsEmpty());
  EXPECT_THAT(parse_target("/?").value().parameters, IsEmpty());
}

TEST(Target, DecodesEachPartOnItsOwn) {
  const auto target = parse_target("/a%2Fb/%41?x%3D=1%262&t=2026-01-31T12:00:00+02:00").value();
  EXPECT_THAT(target.segments, ElementsAre("a/b", "A"));
  EXPECT_THAT(target.parameters, ElementsAre(Pair("x=", "1&2"), Pair("t", "2026-01-31T12:00:00+02:00")));
}

TEST(Target, RefusesWhatMeansTwoThings) {
  for (const auto* text : {"/a%",         "/a%4",
                           "/a%zz",       "/a%00",
                           "//a",         "/a/",
                           "/a//b",       "/./a",
                           "/../a",       "/%2e%2E/a",
                           "/?a=%",       "/a%0d%0aX",
                           "/a%7F",       "/a%c0%af",
                           "/a%ed%a0%80", "/a%ff",
                           "/?a=%80",     "/a#b",
                           "/?a#b",       "/?a=1&a=2",
                           "/?a=1&%61=2", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}) {
    const auto target = parse_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code, ErrorCode::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace mtmsg::http
