#include "domain/payload.hpp"

#include <string>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

/// "" when it passes, else the reason's name.
std::string verdict(std::string_view body, PayloadLimits limits = {}) {
  const auto refusal = PayloadValidator(limits).check(body);
  return refusal ? std::string(to_string(refusal->reason)) : std::string();
}

TEST(PayloadValidator, PassesJsonOfEveryKind) {
  for (const char* body :
       {"{}", "[]", "null", "true", "0", "-0", "1.5e-7", "\"\"", "  {\"a\": [1, 2, {\"b\": null}]} \n",
        R"({"a":1,"a":2})", R"("\ud83d\ude00")", "\"\x7f\"", "\"\xf0\x9f\x98\x80\""}) {
    EXPECT_EQ(verdict(body), "") << body;
  }
}

TEST(PayloadValidator, PassesNumbersBeyondWhatADoubleHolds) {
  for (const char* body : {"1e400", "-1e400", "1e-400", "123456789012345678901234567890", "[1e131071]",
                           "0.00000000000000000000000000000000000000000000000001"}) {
    EXPECT_EQ(verdict(body), "") << body;
  }
  EXPECT_EQ(verdict("1" + std::string(131'000, '0')), "");
}

TEST(PayloadValidator, RefusesWhatIsNotJson) {
  for (const std::string& body : {std::string(),
                                  std::string("  "),
                                  std::string("{"),
                                  std::string("{} x"),
                                  std::string("[1,]"),
                                  std::string("{a:1}"),
                                  std::string("'a'"),
                                  std::string("01"),
                                  std::string("+1"),
                                  std::string("1."),
                                  std::string(".5"),
                                  std::string("NaN"),
                                  std::string("// c\n1"),
                                  std::string("\xef\xbb\xbf{}"),
                                  std::string("\"\xff\""),
                                  std::string("\"\xed\xa0\x80\""),
                                  std::string("\"\xc0\x80\""),
                                  std::string("\"\n\""),
                                  std::string("\"\\x\""),
                                  std::string("\"\\u12g4\""),
                                  std::string("1\0", 2),
                                  std::string("\"\0\"", 3),
                                  std::string("nul")}) {
    EXPECT_EQ(verdict(body), "invalid_json") << body;
  }
}

TEST(PayloadValidator, SaysWhereButNeverWhatTheMessageHeld) {
  const auto refusal = PayloadValidator(PayloadLimits{}).check("{\"secret\": x}");
  ASSERT_TRUE(refusal);
  EXPECT_NE(refusal->detail.find("byte 12"), std::string::npos) << refusal->detail;
  EXPECT_EQ(refusal->detail.find("secret"), std::string::npos);
  EXPECT_EQ(refusal->sqlstate, "");
}

TEST(PayloadValidator, LeavesToPostgresqlWhatOnlyItCanJudge) {
  for (const char* body : {R"("\u0000")", R"("\ud800")", R"("\udc00\ud800")", R"("\ud800x")", R"("\ud800\u0041")"}) {
    EXPECT_EQ(verdict(body), "") << body;
  }
  for (const std::size_t depth : {std::size_t{499}, std::size_t{501}, std::size_t{6'000}, std::size_t{400'000}}) {
    EXPECT_EQ(verdict(nested(depth)), "") << depth;
  }
}

TEST(PayloadValidator, ATenantsOwnMaximumOnlyLowersTheConfiguredOne) {
  PayloadValidator validator(PayloadLimits{10, 1000});
  EXPECT_FALSE(validator.check("12345678"));
  EXPECT_FALSE(validator.check("12345678", 8));
  const auto refusal = validator.check("12345678", 7);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, DeadReason::too_large);
  EXPECT_EQ(refusal->detail, "the message is 8 bytes; the tenant's max_message_bytes is 7");
  EXPECT_TRUE(validator.check("12345678901", 100)) << "the configured one holds for all";
}

TEST(PayloadValidator, RefusesABodyBeyondItsLimitWithoutReadingIt) {
  EXPECT_EQ(verdict("\"12345678\"", {10, 1000}), "");
  EXPECT_EQ(verdict("\"123456789\"", {10, 1000}), "too_large");
  EXPECT_EQ(verdict("not json either", {10, 1000}), "too_large");
}

TEST(PayloadValidator, RefusesWhatCouldBeStoredButNeverRead) {
  std::string bomb = "[1e131071";
  for (int i = 1; i < 10'000; ++i) bomb += ",1e131071";
  EXPECT_EQ(bomb.size(), 90'000U - 1 + 1);
  EXPECT_EQ(verdict(bomb + "]"), "too_large");
  // The same beneath more brackets than the parser follows.
  EXPECT_EQ(verdict(std::string(1000, '[') + bomb + "]" + std::string(1000, ']')), "too_large");
}

TEST(PayloadValidator, MeasuresTheRenderedSizeExactlyAtItsLimit) {
  EXPECT_EQ(verdict("[1e3,1e3]", {1000, 12}), "");  // [1000, 1000]
  EXPECT_EQ(verdict("[1e3,1e3]", {1000, 11}), "too_large");
  EXPECT_EQ(verdict("[ 1 ,       2 ]", {1000, 6}), "");    // [1, 2]
  EXPECT_EQ(verdict(R"("\u0041\u0042")", {1000, 4}), "");  // "AB"
}

TEST(PayloadValidator, JudgesEachMessageAfreshWhateverCameBefore) {
  PayloadValidator validator({1000, 2000});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(validator.check("[[[{\"a\":"));
    EXPECT_FALSE(validator.check("[1e400]"));
    EXPECT_TRUE(validator.check("[1e9999]"));
    EXPECT_FALSE(validator.check("{}"));
    EXPECT_FALSE(validator.check(nested(450)));
    EXPECT_TRUE(validator.check("} {"));
  }
  PayloadValidator moved = std::move(validator);
  EXPECT_FALSE(moved.check("{}"));
}

}  // namespace
}  // namespace mtmsg
