#include "domain/rendered_size.hpp"

#include <string>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

TEST(RenderedNumber, WritesEveryDigitOfAnExponent) {
  const std::pair<const char*, std::string> cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"-0.0", "0.0"},
      {"7", "7"},
      {"-7", "-7"},
      {"1e3", "1000"},
      {"1E+3", "1000"},
      {"1.5e3", "1500"},
      {"1.2345e2", "123.45"},
      {"1e-3", "0.001"},
      {"12e-1", "1.2"},
      {"-12.5e-2", "-0.125"},
      {"0e5", "0"},
      {"0e-2", "0.00"},
      {"0.001e2", "0.1"},
      {"0.001e3", "1"},
      {"0.00012e10", "1200000"},
      {"1.50", "1.50"},
      {"100e-2", "1.00"},
      {"1e00000000000000000000001", "10"},
  };
  for (const auto& [sent, rendered] : cases) EXPECT_EQ(rendered_number_bytes(sent), rendered.size()) << sent;
  EXPECT_EQ(rendered_number_bytes("1e131071"), 131'072U);
  EXPECT_EQ(rendered_number_bytes("-1e-16383"), 16'386U);
}

TEST(RenderedNumber, StaysFiniteForAnyExponent) {
  EXPECT_GT(rendered_number_bytes("1e99999999999999999999999999"), 1'000'000'000U);
  EXPECT_GT(rendered_number_bytes("1e-99999999999999999999999999"), 1'000'000'000U);
}

TEST(RenderedSize, SpacesOutSeparatorsAndResolvesEscapes) {
  const std::pair<const char*, std::string> cases[] = {
      {"[1,2]", "[1, 2]"},
      {" { \"a\" :\n 1 , \"b\":[ ] } ", R"({"a": 1, "b": []})"},
      {R"("a\/b")", R"("a/b")"},
      {R"("\u0041\u00e9\u20ac\ud83d\ude00")", "\"A\u00e9\u20ac\U0001F600\""},
      {R"("\u0001\u001F\u000a\n\t\"\\")", R"("\u0001\u001f\n\n\t\"\\")"},
      {R"("\u0022\u005c\u007f")", "\"\\\"\\\\\x7f\""},
      {"[true,false,null]", "[true, false, null]"},
      {R"(" , : 1e9 ")", R"(" , : 1e9 ")"},
      {"[1e3,-1e-3]", "[1000, -0.001]"},
  };
  for (const auto& [sent, rendered] : cases) EXPECT_EQ(rendered_bytes(sent), rendered.size()) << sent;
}

TEST(RenderedSize, EndsOnAnythingThatIsNotJson) {
  for (const char* text : {"\"", "\"\\", "\"\\u", "\"\\u12", "-", "1e", "--e..1", "]]]"}) rendered_bytes(text);
  rendered_bytes(std::string(100, '\0'));
}

}  // namespace
}  // namespace mtmsg
