#include "domain/limits.hpp"

#include <set>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

TEST(Limits, StandInTheTableInTheirOrderWithNamesOfTheirOwn) {
  std::set<std::string_view> names;
  std::size_t index = 0;
  for (const auto& row : limit_rows()) {
    EXPECT_EQ(static_cast<std::size_t>(row.limit), index++);
    EXPECT_EQ(find_limit(row.name), &row);
    EXPECT_FALSE(row.help.empty());
    names.insert(row.name);
  }
  EXPECT_EQ(index, kLimitCount);
  EXPECT_EQ(names.size(), kLimitCount);
  EXPECT_EQ(find_limit("max_everything"), nullptr);
}

TEST(Limits, OfATenantGoBeforeTheDefaultsAlsoWhenTheySayNone) {
  TenantLimits defaults;
  defaults[Limit::publish_rate] = 10;
  defaults[Limit::retention_seconds] = 60;
  TenantLimits own;
  own[Limit::publish_rate] = 0;
  const auto effective = own.over(defaults);
  EXPECT_EQ(effective.value(Limit::publish_rate), 0U);
  EXPECT_EQ(effective.value(Limit::retention_seconds), 60U);
  EXPECT_EQ(effective[Limit::max_stored_bytes], std::nullopt);
}

TEST(Limits, OutOfTheirBoundsAreRefusedAndNamed) {
  for (const auto& row : limit_rows()) {
    EXPECT_TRUE(check_limit(row.limit, row.most));
    const auto refused = check_limit(row.limit, row.most + 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message.find(row.name), std::string::npos);
    EXPECT_EQ(check_limit(row.limit, 0).has_value(), !row.needs_value);
  }
}

}  // namespace
}  // namespace mtmsg
