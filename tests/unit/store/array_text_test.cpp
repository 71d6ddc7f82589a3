#include "store/pg/array_text.hpp"

#include <gtest/gtest.h>

namespace mtmsg::store::pg {
namespace {

using namespace std::string_literals;

TEST(ArrayText, IsEmptyWithoutElementsAndAgainAfterItWasTaken) {
  ArrayText array;
  EXPECT_EQ(array.take(), "{}");
  array.add(std::int64_t{-5});
  EXPECT_EQ(array.take(), "{-5}");
  EXPECT_EQ(array.take(), "{}");
}

TEST(ArrayText, QuotesWhatWouldEndAnElement) {
  ArrayText array;
  array.add_text("a\"b\\c,{}");
  array.add_text("");
  array.add_text("NULL");
  array.add_null();
  EXPECT_EQ(array.take(), R"({"a\"b\\c,{}","","NULL",NULL})");
}

TEST(ArrayText, WritesBytesAsHex) {
  ArrayText array;
  array.add_bytes("\0\xff\x1b"s);
  array.add_bytes("");
  EXPECT_EQ(array.take(), R"({\\x00ff1b,\\x})");
}

TEST(Printable, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(printable("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 100), "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\0\xff\xc3"s, 100), "???");
  EXPECT_EQ(printable("\xc0\x80", 100), "??") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80", 100), "???") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 100), "????") << "beyond Unicode";
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("a\xc3\xa4z", 2), "a");
  EXPECT_EQ(printable("a\xc3\xa4z", 3), "a\xc3\xa4");
  EXPECT_EQ(printable("abc", 0), "");
}

}  // namespace
}  // namespace mtmsg::store::pg
