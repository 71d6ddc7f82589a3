#include "ingest/ack_ledger.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace mtmsg::ingest {
namespace {

TEST(AckLedger, AcksNothingBeforeAnythingIsSettled) {
  AckLedger ledger;
  ledger.delivered({1});
  EXPECT_FALSE(ledger.take_ack());
  EXPECT_EQ(ledger.unacked(), 1U);
}

TEST(AckLedger, AcksContiguousTagsWithOneMultipleAck) {
  AckLedger ledger;
  for (std::uint64_t tag = 1; tag <= 10; ++tag) ledger.delivered({tag});
  ledger.settled({1}, {4});
  ledger.settled({5}, {7});
  EXPECT_EQ(ledger.take_ack(), DeliveryTag{7});
  EXPECT_FALSE(ledger.take_ack());
  EXPECT_EQ(ledger.unacked(), 3U);
}

TEST(AckLedger, HoldsASettledTagWhileALowerOneIsOpen) {
  AckLedger ledger;
  for (std::uint64_t tag = 1; tag <= 3; ++tag) ledger.delivered({tag});
  ledger.settled({2}, {3});
  EXPECT_FALSE(ledger.take_ack());
  ledger.settled({1}, {1});
  EXPECT_EQ(ledger.take_ack(), DeliveryTag{3});
  EXPECT_EQ(ledger.unacked(), 0U);
}

TEST(AckLedger, SettlingTwiceAcksOnce) {
  AckLedger ledger;
  ledger.delivered({1});
  ledger.delivered({2});
  ledger.settled({1}, {2});
  EXPECT_EQ(ledger.take_ack(), DeliveryTag{2});
  ledger.settled({1}, {2});
  EXPECT_FALSE(ledger.take_ack());
}

// Property: whatever the order in which ranges are settled, an ack never covers a tag that is not settled, never goes
// back, and in the end covers everything.
TEST(AckLedger, NeverAcksAnUnsettledTagInAnyOrderOfSettling) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    AckLedger ledger;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> open;
    std::set<std::uint64_t> settled;
    std::uint64_t delivered = 0;
    std::uint64_t acked = 0;
    const auto take = [&] {
      while (const auto tag = ledger.take_ack()) {
        ASSERT_GT(tag->value, acked);
        for (auto covered = acked + 1; covered <= tag->value; ++covered) ASSERT_TRUE(settled.contains(covered));
        acked = tag->value;
      }
    };
    for (int step = 0; step < 200; ++step) {
      if (random() % 2 == 0) {
        const auto first = delivered + 1;
        delivered += 1 + random() % 5;
        for (auto tag = first; tag <= delivered; ++tag) ledger.delivered({tag});
        open.emplace_back(first, delivered);
      } else if (!open.empty()) {
        const auto at = random() % open.size();
        const auto [first, last] = open[at];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
        ledger.settled({first}, {last});
        for (auto tag = first; tag <= last; ++tag) settled.insert(tag);
      }
      take();
      ASSERT_EQ(ledger.unacked(), delivered - acked);
    }
    for (const auto& [first, last] : open) {
      ledger.settled({first}, {last});
      for (auto tag = first; tag <= last; ++tag) settled.insert(tag);
    }
    take();
    ASSERT_EQ(acked, delivered);
  }
}

}  // namespace
}  // namespace mtmsg::ingest
