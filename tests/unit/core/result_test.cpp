#include "core/result.hpp"

#include <set>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
  return number / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*half(4), 2);
  EXPECT_TRUE(half(3).has_error());
  EXPECT_EQ(half(3).error(), (Error{ErrorCode::invalid_argument, "odd"}));
}

TEST(Result, ThrowsItsErrorWhenTheValueIsInsistedOn) {
  try {
    (void)half(3).value();
    FAIL() << "nothing was thrown";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, ErrorCode::invalid_argument);
    EXPECT_STREQ(failure.what(), "odd");
  }
}

TEST(Error, GainsContextOnTheWayUp) {
  EXPECT_EQ(fail(ErrorCode::timeout, "no answer").with_context("create queue"),
            (Error{ErrorCode::timeout, "create queue: no answer"}));
}

TEST(ErrorCode, HasANameOfItsOwnEach) {
  std::set<std::string_view> names;
  const auto last = static_cast<int>(ErrorCode::internal);
  for (int code = 0; code <= last; ++code) {
    const auto name = error_code_name(static_cast<ErrorCode>(code));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(last) + 1);
}

}  // namespace
}  // namespace mtmsg
