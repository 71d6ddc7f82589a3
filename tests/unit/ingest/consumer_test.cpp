#include "ingest/consumer.hpp"

#include <random>

#include <gtest/gtest.h>

namespace mtmsg::ingest {
namespace {

using Step = Consumer::Step;

/// Does what DeliveryLink does once the broker has answered.
void done(Consumer& consumer, Step step) {
  switch (step) {
    case Step::none:
      break;
    case Step::open_channel:
      consumer.channel_open = true;
      break;
    case Step::consume:
      consumer.tag = "tag";
      consumer.prefetch = consumer.target_prefetch();
      break;
    case Step::cancel:
      consumer.tag.clear();
      break;
    case Step::close_channel:
      consumer.channel_lost();
      break;
  }
}

TEST(Consumer, OpensAChannelAndConsumes) {
  Consumer consumer;
  EXPECT_EQ(consumer.next_step(), Step::open_channel);
  done(consumer, Step::open_channel);
  EXPECT_EQ(consumer.next_step(), Step::consume);
  done(consumer, Step::consume);
  EXPECT_EQ(consumer.next_step(), Step::none);
  EXPECT_TRUE(consumer.settled());
}

TEST(Consumer, ANewPrefetchCancelsAndConsumesAgainOnTheSameChannel) {
  Consumer consumer;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  consumer.ledger.delivered({1});
  consumer.wanted_prefetch = 100;
  consumer.note(false);
  EXPECT_FALSE(consumer.settled());
  EXPECT_EQ(consumer.next_step(), Step::cancel);
  done(consumer, Step::cancel);
  EXPECT_EQ(consumer.next_step(), Step::consume);
  done(consumer, Step::consume);
  EXPECT_EQ(consumer.ledger.unacked(), 1U) << "tags in flight stay valid";
  EXPECT_TRUE(consumer.settled());
}

TEST(Consumer, LeavingWaitsForTheAcksBeforeTheChannelCloses) {
  Consumer consumer;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  consumer.ledger.delivered({1});
  consumer.wanted = Wanted::leave;
  EXPECT_EQ(consumer.next_step(), Step::cancel);
  done(consumer, Step::cancel);
  EXPECT_EQ(consumer.next_step(), Step::none);
  consumer.ledger.settled({1}, {1});
  consumer.ledger.take_ack();
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
  done(consumer, Step::close_channel);
  EXPECT_TRUE(consumer.settled());
}

TEST(Consumer, DroppingClosesTheChannelWithWhatIsInHand) {
  Consumer consumer;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  consumer.ledger.delivered({1});
  consumer.wanted = Wanted::drop;
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
}

TEST(Consumer, ReadsOneAtATimeUntilAnUnsuspiciousDeliveryOpensIt) {
  Consumer consumer;
  consumer.wanted_prefetch = 100;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  EXPECT_EQ(consumer.prefetch, 1);
  EXPECT_TRUE(consumer.settled()) << "nobody waits for the first message";
  EXPECT_FALSE(consumer.note(true)) << "a suspicious one changes nothing";
  EXPECT_EQ(consumer.next_step(), Step::none);
  EXPECT_TRUE(consumer.note(false));
  EXPECT_EQ(consumer.next_step(), Step::cancel);
  done(consumer, Step::cancel);
  done(consumer, consumer.next_step());
  EXPECT_EQ(consumer.prefetch, 100);
}

TEST(Consumer, ASuspiciousDeliveryMakesItCarefulAndKeepsWhatIsInHand) {
  Consumer consumer;
  consumer.wanted_prefetch = 100;
  done(consumer, Step::open_channel);
  consumer.note(false);
  done(consumer, Step::consume);
  consumer.ledger.delivered({1});
  EXPECT_TRUE(consumer.note(true));
  EXPECT_EQ(consumer.next_step(), Step::cancel);
  done(consumer, Step::cancel);
  done(consumer, consumer.next_step());
  EXPECT_EQ(consumer.prefetch, 1);
  EXPECT_EQ(consumer.ledger.unacked(), 1U) << "a closed channel would cost every message another delivery";
}

TEST(Consumer, BeginsNothingWhileTheDatabaseIsAway) {
  Consumer consumer;
  consumer.admission = Admission::hold;
  EXPECT_EQ(consumer.next_step(), Step::none);
  consumer.admission = Admission::open;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  consumer.admission = Admission::hold;
  EXPECT_EQ(consumer.next_step(), Step::none) << "what stands stays";
  EXPECT_TRUE(consumer.settled());
}

TEST(Consumer, ClosesItsChannelOnceWhenTheDatabaseIsAwayForLong) {
  Consumer consumer;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  consumer.admission = Admission::closed;
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
  done(consumer, Step::close_channel);
  EXPECT_EQ(consumer.next_step(), Step::none);
  EXPECT_FALSE(consumer.settled());
  consumer.admission = Admission::open;
  EXPECT_EQ(consumer.next_step(), Step::open_channel);
}

TEST(Consumer, ReadsOneAtATimeWhileItsTenantIsHeld) {
  Consumer consumer;
  consumer.wanted_prefetch = 100;
  done(consumer, Step::open_channel);
  consumer.note(false);
  done(consumer, Step::consume);
  consumer.narrow = true;
  EXPECT_EQ(consumer.next_step(), Step::cancel);
  done(consumer, Step::cancel);
  done(consumer, consumer.next_step());
  EXPECT_EQ(consumer.prefetch, 1);
  consumer.reopen = true;
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
  done(consumer, Step::close_channel);
  EXPECT_FALSE(consumer.reopen);
  EXPECT_EQ(consumer.next_step(), Step::open_channel);
}

// Property: from any state, whatever is wanted is reached in at most four steps, and then there is none left.
TEST(Consumer, ReachesWhatIsWantedFromAnyState) {
  std::mt19937 random(1);
  for (int run = 0; run < 2000; ++run) {
    Consumer consumer;
    consumer.channel_open = random() % 2 == 0;
    if (consumer.channel_open && random() % 2 == 0) consumer.tag = "tag";
    consumer.prefetch = static_cast<std::uint16_t>(random() % 3);
    consumer.wanted_prefetch = static_cast<std::uint16_t>(1 + random() % 3);
    consumer.wanted = static_cast<Wanted>(random() % 4);
    consumer.careful = random() % 2 == 0;
    consumer.narrow = random() % 2 == 0;
    consumer.reopen = random() % 4 == 0;
    for (int steps = 0; consumer.next_step() != Step::none; ++steps) {
      ASSERT_LT(steps, 4);
      done(consumer, consumer.next_step());
    }
    EXPECT_TRUE(consumer.settled());
  }
}

}  // namespace
}  // namespace mtmsg::ingest
