#include "cmd/top/view.hpp"

#include <gtest/gtest.h>

namespace mtmsg::ctl::top {
namespace {

using Wish = View::Wish;

class TopView : public testing::Test {
 protected:
  TopView() {
    view_.resize(10);
    view_.have(100);
  }
  Wish press(char c) { return view_.press({Key::character, c}); }
  Wish press(Key key) { return view_.press({key, 0}); }
  void type(std::string_view text) {
    for (const char c : text) press(c);
  }

  View view_{client::ActivityQuery{}};
};

TEST_F(TopView, AsksForAsManyRowsAsAreShown) {
  EXPECT_EQ(view_.query().limit, 10U);
  view_.resize(40);
  EXPECT_EQ(view_.query().limit, 40U);
  view_.resize(0);
  EXPECT_EQ(view_.query().limit, 1U) << "a terminal may be one line high";
  view_.resize(5000);
  EXPECT_EQ(view_.query().limit, 1000U);
}

TEST_F(TopView, QuitsAndPauses) {
  EXPECT_EQ(press('q'), Wish::quit);
  EXPECT_EQ(press('p'), Wish::draw);
  EXPECT_TRUE(view_.paused());
  EXPECT_EQ(press(' '), Wish::fetch) << "what is shown is old";
  EXPECT_FALSE(view_.paused());
}

TEST_F(TopView, SortsByOneColumnAfterTheOtherAndBack) {
  const auto first = view_.query().sort;
  EXPECT_EQ(press('s'), Wish::fetch);
  EXPECT_NE(view_.query().sort, first);
  EXPECT_EQ(press('S'), Wish::fetch);
  EXPECT_EQ(view_.query().sort, first);
  for (std::size_t i = 0; i < std::size(wire::kActivitySorts); ++i) press('s');
  EXPECT_EQ(view_.query().sort, first);
  EXPECT_EQ(press('r'), Wish::fetch);
  EXPECT_EQ(view_.query().direction, wire::Direction::reverse);
}

TEST_F(TopView, FiltersByWhatIsTypedOnceItIsTaken) {
  EXPECT_EQ(press('/'), Wish::draw);
  type("eu-1Q!x");
  EXPECT_EQ(view_.edited(), "eu-1x") << "only what names are made of";
  EXPECT_EQ(view_.query().name, "");
  press(Key::backspace);
  EXPECT_EQ(press(Key::enter), Wish::fetch);
  EXPECT_EQ(view_.query().name, "eu-1");
  EXPECT_EQ(press(Key::escape), Wish::fetch);
  EXPECT_EQ(view_.query().name, "");
}

TEST_F(TopView, LeavesTheFilterAsItWasOnEscape) {
  press('/');
  type("acme");
  press(Key::enter);
  press('/');
  type("x");
  EXPECT_EQ(press(Key::escape), Wish::draw);
  EXPECT_EQ(view_.filter(), "acme");
  EXPECT_EQ(press('q'), Wish::quit) << "the letter is a command again";
}

TEST_F(TopView, ScrollsWithinWhatThereIs) {
  EXPECT_EQ(press(Key::up), Wish::nothing);
  EXPECT_EQ(press(Key::page_down), Wish::fetch);
  EXPECT_EQ(view_.offset(), 10U);
  EXPECT_EQ(view_.query().limit, 20U);
  press('j');
  press('k');
  EXPECT_EQ(view_.offset(), 10U);
  press(Key::end);
  EXPECT_EQ(view_.offset(), 90U);
  EXPECT_EQ(press(Key::down), Wish::nothing);
  view_.have(95);
  EXPECT_EQ(view_.offset(), 85U) << "tenants were deleted";
  view_.have(3);
  EXPECT_EQ(view_.offset(), 0U);
}

TEST_F(TopView, NeverScrollsPastWhatTheDaemonTells) {
  view_.have(5000);
  press(Key::end);
  EXPECT_EQ(view_.offset(), 990U);
  EXPECT_EQ(view_.query().limit, 1000U);
}

TEST_F(TopView, GoesBackFromItsHelpWithAnyKey) {
  EXPECT_EQ(press('?'), Wish::draw);
  EXPECT_TRUE(view_.helps());
  EXPECT_EQ(press('s'), Wish::draw);
  EXPECT_FALSE(view_.helps());
  EXPECT_EQ(view_.query().sort, wire::ActivitySort::depth);
}

}  // namespace
}  // namespace mtmsg::ctl::top
