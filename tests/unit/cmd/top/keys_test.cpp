#include "cmd/top/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::ctl::top {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

KeyPress letter(char c) {
  return {Key::character, c};
}
KeyPress key(Key key) {
  return {key, 0};
}

TEST(Keys, AreTakenOneByOne) {
  EXPECT_THAT(KeyReader().feed("qS/"), ElementsAre(letter('q'), letter('S'), letter('/')));
  EXPECT_THAT(KeyReader().feed("\r\x7f\b\x0c"),
              ElementsAre(key(Key::enter), key(Key::backspace), key(Key::backspace), key(Key::redraw)));
}

TEST(Keys, KnowWhatTerminalsSendForArrowsAndPages) {
  EXPECT_THAT(
      KeyReader().feed("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~"),
      ElementsAre(key(Key::up), key(Key::down), key(Key::page_up), key(Key::page_down), key(Key::home), key(Key::end)));
}

TEST(Keys, WaitForTheRestOfASequenceHoweverItIsCut) {
  KeyReader reader;
  EXPECT_THAT(reader.feed("\x1b"), IsEmpty());
  EXPECT_THAT(reader.feed("["), IsEmpty());
  EXPECT_THAT(reader.feed("5"), IsEmpty());
  EXPECT_THAT(reader.feed("~q"), ElementsAre(key(Key::page_up), letter('q')));
  EXPECT_FALSE(reader.settle());
}

TEST(Keys, TakeAnEscapeAloneForTheKey) {
  KeyReader reader;
  EXPECT_THAT(reader.feed("\x1b"), IsEmpty());
  EXPECT_EQ(reader.settle(), key(Key::escape));
  EXPECT_FALSE(reader.settle());
  EXPECT_THAT(reader.feed("\x1bq"), ElementsAre(key(Key::escape), letter('q')));
}

TEST(Keys, AreBoundedAndNeverMistakeWhatTheyDontKnow) {
  EXPECT_THAT(KeyReader().feed("\x1b[1;5C\x1b[200~\x01\xc3\xa9"),
              ElementsAre(key(Key::other), key(Key::other), key(Key::other), key(Key::other), key(Key::other)));
  EXPECT_THAT(KeyReader().feed("\x1b[" + std::string(100, '1')), testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace mtmsg::ctl::top
