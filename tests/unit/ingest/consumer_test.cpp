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
    case Step::freeze:
      consumer.frozen = true;
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

Consumer ordered_consumer() {
  Consumer consumer;
  consumer.ordered = true;
  consumer.wanted_prefetch = 100;
  done(consumer, Step::open_channel);
  done(consumer, Step::consume);
  return consumer;
}

void commit(Consumer& consumer, std::uint64_t first, std::uint64_t last) {
  consumer.ledger.settled({first}, {last});
  consumer.ledger.take_ack();
}

TEST(Consumer, OfAnOrderedTenantHasOnePrefetchFromTheBeginningAndKeepsIt) {
  auto consumer = ordered_consumer();
  EXPECT_EQ(consumer.prefetch, 100);
  EXPECT_FALSE(consumer.note(true));
  consumer.narrow = true;
  EXPECT_EQ(consumer.next_step(), Step::none);
  EXPECT_TRUE(consumer.settled());
}

TEST(Consumer, OfAnOrderedTenantFreezesAndClosesItsChannelOnlyWhenAllItTookIsAcked) {
  for (const auto wanted : {Wanted::leave, Wanted::idle}) {
    auto consumer = ordered_consumer();
    EXPECT_TRUE(consumer.takes());
    consumer.ledger.delivered({1});
    consumer.wanted = wanted;
    EXPECT_EQ(consumer.next_step(), Step::freeze);
    done(consumer, Step::freeze);
    EXPECT_FALSE(consumer.takes()) << "nothing more is taken, nothing more has to be acked";
    EXPECT_EQ(consumer.next_step(), Step::none);
    EXPECT_EQ(consumer.settled(), wanted == Wanted::idle);
    commit(consumer, 1, 1);
    EXPECT_EQ(consumer.next_step(), wanted == Wanted::leave ? Step::close_channel : Step::none);
  }
}

TEST(Consumer, OfAnOrderedTenantTakesAgainOnlyThroughANewChannel) {
  auto consumer = ordered_consumer();
  consumer.ledger.delivered({1});
  consumer.wanted = Wanted::leave;
  done(consumer, consumer.next_step());
  consumer.wanted = Wanted::serve;
  EXPECT_FALSE(consumer.settled());
  EXPECT_EQ(consumer.next_step(), Step::none) << "what it did not take is not the queue's yet";
  commit(consumer, 1, 1);
  for (const auto step : {Step::close_channel, Step::open_channel, Step::consume, Step::none}) {
    EXPECT_EQ(consumer.next_step(), step);
    done(consumer, step);
  }
  EXPECT_TRUE(consumer.takes());
  EXPECT_TRUE(consumer.settled());
}

TEST(Consumer, OfAnOrderedTenantIsNeverCancelledForAnotherPrefetch) {
  auto consumer = ordered_consumer();
  consumer.ledger.delivered({1});
  consumer.wanted_prefetch = 50;
  EXPECT_EQ(consumer.next_step(), Step::freeze);
  done(consumer, Step::freeze);
  EXPECT_EQ(consumer.next_step(), Step::none);
  commit(consumer, 1, 1);
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
}

TEST(Consumer, OfAnOrderedTenantThatIsHeldTakesOneMessageAndNoMore) {
  auto consumer = ordered_consumer();
  consumer.narrow = true;
  EXPECT_TRUE(consumer.takes());
  consumer.ledger.delivered({1});
  EXPECT_FALSE(consumer.takes());
  commit(consumer, 1, 1);
  consumer.narrow = false;
  EXPECT_EQ(consumer.next_step(), Step::close_channel) << "the second one is to come again";
}

TEST(Consumer, OfAnOrderedTenantThatTheBrokerCancelledBeginsAgainWhenAllItTookIsAcked) {
  auto consumer = ordered_consumer();
  consumer.ledger.delivered({1});
  consumer.tag.clear();
  EXPECT_EQ(consumer.next_step(), Step::none);
  commit(consumer, 1, 1);
  EXPECT_EQ(consumer.next_step(), Step::consume);
}

TEST(Consumer, OfAnOrderedTenantClosesAtOnceWhenNobodyCanWait) {
  auto consumer = ordered_consumer();
  consumer.ledger.delivered({1});
  consumer.wanted = Wanted::drop;
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
  consumer.wanted = Wanted::serve;
  consumer.admission = Admission::closed;
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
  consumer.admission = Admission::hold;
  EXPECT_EQ(consumer.next_step(), Step::none);
  consumer.reopen = true;
  EXPECT_EQ(consumer.next_step(), Step::close_channel);
}

// Property: from any state, whatever is wanted is reached in at most five steps, and then there is none left.
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
    consumer.ordered = random() % 2 == 0;
    consumer.frozen = consumer.channel_open && random() % 4 == 0;
    for (int steps = 0; consumer.next_step() != Step::none; ++steps) {
      ASSERT_LT(steps, 5);
      done(consumer, consumer.next_step());
    }
    EXPECT_TRUE(consumer.settled());
  }
}

}  // namespace
}  // namespace mtmsg::ingest
