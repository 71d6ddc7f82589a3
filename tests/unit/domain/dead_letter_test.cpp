#include "domain/dead_letter.hpp"

#include <set>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

TEST(DeadReason, NamesAndReasonsAreOneToOne) {
  std::set<std::string_view> names;
  for (const auto reason : kDeadReasons) {
    EXPECT_EQ(dead_reason_from(to_string(reason)), reason);
    names.insert(to_string(reason));
  }
  EXPECT_EQ(names.size(), kDeadReasons.size());
  EXPECT_EQ(dead_reason_from("poison"), std::nullopt);
}

}  // namespace
}  // namespace mtmsg
