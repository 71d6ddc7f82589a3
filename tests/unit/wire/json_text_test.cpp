#include "wire/json_text.hpp"

#include <string>

#include <gtest/gtest.h>

#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

TEST(JsonText, KeepsEveryValueAsTheBytesItWasWrittenWith) {
  const std::string text = R"( { "a" : 1e400 , "b":[1, 2 ,{"x":"}]\"\\"}], "c": -0.10 ,"d":"é\n", "e": null} )";
  const auto members = split_object(text, "thing").value();
  ASSERT_EQ(members.size(), 5U);
  EXPECT_EQ(members[0].key, "a");
  EXPECT_EQ(members[0].raw, "1e400");
  EXPECT_EQ(members[1].raw, R"([1, 2 ,{"x":"}]\"\\"}])");
  EXPECT_EQ(members[2].raw, "-0.10");
  EXPECT_EQ(members[3].raw, R"("é\n")");
  EXPECT_EQ(members[4].raw, "null");
}

TEST(JsonText, SplitsArraysIntoTheirElements) {
  const auto elements = split_array(R"([ {"a":[1]} , "x,]" ,3])", "list").value();
  ASSERT_EQ(elements.size(), 3U);
  EXPECT_EQ(elements[0], R"({"a":[1]})");
  EXPECT_EQ(elements[1], R"("x,]")");
  EXPECT_EQ(elements[2], "3");
  EXPECT_TRUE(split_array("[]", "list").value().empty());
  EXPECT_TRUE(split_object("{}", "thing").value().empty());
}

TEST(JsonText, RefusesWhatIsNotExactlyOneJsonText) {
  for (const auto* text : {"", " ", "{", "{}x", "{} {}", "nul", "{\"a\":1,}", "[1,]", "'a'", "{\"a\":01}", "[1 2]",
                           "{\"a\":\"\x01\"}", "\"\xff\"", "{a:1}", "NaN", "// c\n1"})
    EXPECT_FALSE(check_json(text)) << text;
  EXPECT_TRUE(check_json(" 1 \n"));
}

TEST(JsonText, RefusesAKeyThatIsThereTwiceHoweverItIsWritten) {
  EXPECT_FALSE(split_object(R"({"a":1,"a":2})", "thing"));
  const auto twice = split_object(R"({"a":1,"\u0061":2})", "thing");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "thing: field \"a\" is there twice");
}

TEST(JsonText, SurvivesNestingAsDeepAsItAllowsAndRefusesMore) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(check_json(nested(kMaxJsonDepth)));
  EXPECT_FALSE(check_json(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(check_json(std::string(1 << 20, '[')));
}

TEST(JsonText, EveryPrefixOfAValidTextIsHandledWithoutTouchingMemoryBeyondIt) {
  const std::string text = R"({"a":["\u00e9\"",{"b":-1.5e+3}],"c":true})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string copy(text, 0, length);
    EXPECT_FALSE(split_object(copy, "thing")) << copy;
  }
}

TEST(JsonText, WrittenStringsReadBackTheSame) {
  std::string all;
  for (int c = 1; c < 0x80; ++c) all += static_cast<char>(c);
  all += "é€𝄞";
  std::string out;
  append_json_string(out, all);
  EXPECT_TRUE(check_json(out));
  EXPECT_EQ(decode_json_string(out), all);
}

TEST(JsonText, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  for (const auto* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    std::string out;
    append_json_string(out, bad);
    EXPECT_TRUE(check_json(out));
    EXPECT_NE(out.find("\xEF\xBF\xBD"), std::string::npos);
  }
}

TEST(FieldReader, NamesTheFirstThingThatIsWrong) {
  const auto error_of = [](std::string_view text) {
    FieldReader fields(text, "tenant", Reading::exact);
    fields.text("name");
    fields.optional_unsigned("workers");
    const auto done = fields.finish();
    return done ? std::string() : done.error().message;
  };
  EXPECT_EQ(error_of(R"({"name":"a","workers":3})"), "");
  EXPECT_EQ(error_of(R"({"workers":3})"), "tenant: field \"name\" is missing");
  EXPECT_EQ(error_of(R"({"name":7})"), "tenant: field \"name\" must be a string");
  EXPECT_EQ(error_of(R"({"name":"a","workers":"3"})"), "tenant: field \"workers\" must be a whole number");
  EXPECT_EQ(error_of(R"({"name":"a","workers":3.0})"), "tenant: field \"workers\" must be a whole number");
  EXPECT_EQ(error_of(R"({"name":"a","workers":-1})"), "tenant: field \"workers\" must be a whole number, not negative");
  EXPECT_EQ(error_of(R"({"name":"a","workers":null})"), "tenant: field \"workers\" must be a whole number");
  EXPECT_EQ(error_of(R"({"name":"a","wrokers":3})"), "tenant: unknown field \"wrokers\"; did you mean \"workers\"?");
  EXPECT_EQ(error_of("[]"), "tenant: a JSON object is needed");
}

TEST(FieldReader, PassesOverWhatANewerDaemonSays) {
  FieldReader fields(R"({"name":"a","new":{"x":1},"workers":null})", "tenant", Reading::tolerant);
  EXPECT_EQ(fields.text("name"), "a");
  EXPECT_EQ(fields.optional_unsigned("workers"), std::nullopt);
  EXPECT_TRUE(fields.finish());
}

}  // namespace
}  // namespace mtmsg::wire
