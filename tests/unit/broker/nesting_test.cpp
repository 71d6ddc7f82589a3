#include "broker/amqp/nesting.hpp"

#include <random>

#include <gtest/gtest.h>

#include "broker/amqp/api.hpp"

namespace mtmsg::broker::amqp {
namespace {

using namespace std::string_literals;

std::string big_endian(std::uint64_t value, unsigned size) {
  std::string out;
  for (unsigned i = size; i-- > 0;) out += static_cast<char>(value >> (8U * i));
  return out;
}
std::string short_string(const std::string& text) {
  return big_endian(text.size(), 1) + text;
}
std::string long_string(const std::string& text) {
  return big_endian(text.size(), 4) + text;
}

/// A field: its kind and what follows.
std::string container(char kind, const std::string& fields) {
  return kind + long_string(fields);
}
std::string entry(const std::string& key, const std::string& field) {
  return short_string(key) + field;
}

/// `levels` tables or arrays within each other around a number.
std::string nested(int levels, char kind) {
  std::string field = "B\x07"s;
  for (int i = 0; i < levels; ++i) field = container(kind, kind == 'F' ? entry("t", field) : field);
  return field;
}

/// A content header with a content type, the headers table and a priority.
std::string content_header(const std::string& entries) {
  return big_endian(60, 2) + big_endian(0, 2) + big_endian(200, 8) + big_endian(0x8000 | 0x2000 | 0x0800, 2) +
         short_string("application/json") + long_string(entries) + big_endian(9, 1);
}

int depth_of(std::string_view header) {
  return static_cast<int>(std::count(header.begin(), header.end(), 'F'));
}

TEST(Nesting, OfSixtyFourLevelsStaysAsItIs) {
  for (const char kind : {'F', 'A'}) {
    EXPECT_EQ(cut_nesting(content_header(entry("t", nested(kMaxDepth - 1, kind)))), std::nullopt);
  }
}

TEST(Nesting, BelowSixtyFourLevelsBecomesVoidAndTheNeighboursStay) {
  for (const char kind : {'F', 'A'}) {
    const auto before = entry("a", 'S' + long_string("before"));
    const auto after = entry("z", "V");
    auto expected = "V"s;
    for (int i = 1; i < kMaxDepth; ++i) expected = container(kind, kind == 'F' ? entry("t", expected) : expected);
    for (const int levels : {kMaxDepth, kMaxDepth + 1, 100, 2000, 20'000}) {
      const auto cut = cut_nesting(content_header(before + entry("t", nested(levels, kind)) + after));
      ASSERT_TRUE(cut) << levels;
      EXPECT_EQ(*cut, content_header(before + entry("t", expected) + after)) << levels;
    }
  }
}

TEST(Nesting, OfManyBranchesIsCutInEachOfThem) {
  std::string entries;
  for (int i = 0; i < 50; ++i) entries += entry("k" + std::to_string(i), nested(i % 2 == 0 ? 10 : 90, 'F'));
  const auto cut = cut_nesting(content_header(entries));
  ASSERT_TRUE(cut);
  EXPECT_EQ(depth_of(*cut), 25 * 10 + 25 * (kMaxDepth - 1));
}

TEST(Nesting, PassesEveryKindOfField) {
  const std::string fields = "t\x01"s + "b\x01"s + "B\x01"s + "s\x01\x02"s + "u\x01\x02"s + "I" + big_endian(1, 4) +
                             "i" + big_endian(1, 4) + "l" + big_endian(1, 8) + "L" + big_endian(1, 8) + "f" +
                             big_endian(1, 4) + "d" + big_endian(1, 8) + "D" + big_endian(1, 5) + "T" +
                             big_endian(1, 8) + "S" + long_string("text") + "x" + long_string("\0\xFF"s) + "V";
  const auto deep = nested(100, 'A');
  const auto cut = cut_nesting(content_header(entry("all", container('A', fields + deep + fields))));
  ASSERT_TRUE(cut);
  EXPECT_NE(cut->find(fields + "A"), std::string::npos);
  EXPECT_NE(cut->find("V" + fields), std::string::npos);
}

TEST(Nesting, LeavesWhatIsNoContentHeaderToTheLibrary) {
  const auto good = content_header(entry("t", nested(100, 'F')));
  ASSERT_TRUE(cut_nesting(good));
  EXPECT_EQ(cut_nesting(""), std::nullopt);
  for (std::size_t size = 0; size + 2 < good.size(); ++size) EXPECT_EQ(cut_nesting(good.substr(0, size)), std::nullopt);
  EXPECT_EQ(cut_nesting(content_header(entry("t", nested(100, 'F')) + entry("u", "?"))), std::nullopt);
}

TEST(Nesting, OfAnyBytesEndsAndACutOneIsNotCutAgain) {
  std::mt19937 random(11);
  int cuts = 0;
  for (int round = 0; round < 5'000; ++round) {
    auto header = content_header(entry("t", nested(60 + static_cast<int>(random() % 60), random() % 2 ? 'F' : 'A')));
    for (auto flips = random() % 4; flips > 0; --flips) header[random() % header.size()] = static_cast<char>(random());
    const auto cut = cut_nesting(header);
    if (!cut) continue;
    ++cuts;
    EXPECT_LT(cut->size(), header.size());
    EXPECT_EQ(cut_nesting(*cut), std::nullopt);
  }
  EXPECT_GT(cuts, 1'000);
}

}  // namespace
}  // namespace mtmsg::broker::amqp
