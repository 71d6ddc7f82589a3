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
      consumer.prefetch = consumer.wanted_prefetch;
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
    for (int steps = 0; consumer.next_step() != Step::none; ++steps) {
      ASSERT_LT(steps, 4);
      done(consumer, consumer.next_step());
    }
    EXPECT_TRUE(consumer.settled());
  }
}

}  // namespace
}  // namespace mtmsg::ingest
