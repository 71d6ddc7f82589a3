#include "broker/amqp/confirms.hpp"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::broker::amqp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::vector<std::pair<std::uint64_t, bool>> settle(Confirms& confirms, std::uint64_t tag, bool multiple) {
  std::vector<std::pair<std::uint64_t, bool>> out;
  confirms.settle(tag, multiple, [&](std::uint64_t number, bool returned) { out.emplace_back(number, returned); });
  return out;
}

TEST(Confirms, NumberPublicationsFromOne) {
  Confirms confirms;
  EXPECT_EQ(confirms.add(7), 1U);
  EXPECT_EQ(confirms.add(7), 2U);
  EXPECT_EQ(confirms.size(), 2U);
}

TEST(Confirms, SettleEachPublicationOnce) {
  Confirms confirms;
  for (int i = 0; i < 5; ++i) confirms.add(1);
  EXPECT_THAT(settle(confirms, 2, false), ElementsAre(Pair(2, false)));
  EXPECT_THAT(settle(confirms, 2, false), IsEmpty());
  EXPECT_THAT(settle(confirms, 3, true), ElementsAre(Pair(1, false), Pair(3, false)));
  EXPECT_THAT(settle(confirms, 3, true), IsEmpty());
  EXPECT_THAT(settle(confirms, 0, true), ElementsAre(Pair(4, false), Pair(5, false)));
  EXPECT_THAT(settle(confirms, 0, true), IsEmpty());
  EXPECT_EQ(confirms.add(1), 6U);
}

TEST(Confirms, IgnoreWhatTheyNeverCounted) {
  Confirms confirms;
  confirms.add(1);
  EXPECT_THAT(settle(confirms, 2, true), IsEmpty());
  EXPECT_THAT(settle(confirms, 0, false), IsEmpty());
  EXPECT_EQ(confirms.size(), 1U);
}

TEST(Confirms, KnowAReturnedPublicationByItsAddressOldestFirst) {
  Confirms confirms;
  const auto there = address_of(address_of("exchange", "key"), "id");
  const auto gone = address_of(address_of("exchange", "other"), "id");
  confirms.add(there);
  confirms.add(gone);
  confirms.add(gone);
  confirms.returned(gone);
  EXPECT_THAT(settle(confirms, 3, true), ElementsAre(Pair(1, false), Pair(2, true), Pair(3, false)));
}

TEST(Confirms, TellAddressesApart) {
  EXPECT_NE(address_of("a", "b"), address_of("b", "a"));
  EXPECT_NE(address_of("ab", ""), address_of("a", "b"));
  EXPECT_NE(address_of(address_of("a", "b"), "1"), address_of(address_of("a", "b"), "2"));
}

}  // namespace
}  // namespace mtmsg::broker::amqp
