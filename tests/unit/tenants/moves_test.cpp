#include "tenants/moves.hpp"

#include <gtest/gtest.h>

namespace mtmsg::tenants {
namespace {

using namespace std::chrono_literals;

/// At rest, with a consumer that could take more.
TenantLook resting() {
  TenantLook look;
  look.tenant.state = TenantState::active;
  look.activity.consuming = true;
  look.activity.prefetch = 1500;
  return look;
}

std::string_view state_of(const TenantLook& look, Servers servers = Servers::there) {
  return moves_of(look, servers).state;
}

TEST(Moves, OfATenantAtRestAreNothingAndItsQueueNeedNotBeAsked) {
  const auto look = resting();
  EXPECT_FALSE(may_wait(look));
  const auto moves = moves_of(look, Servers::there);
  EXPECT_EQ(moves.state, "idle");
  EXPECT_EQ(moves.ready, 0U);
  EXPECT_EQ(moves.lag_seconds, 0);
}

TEST(Moves, MessagesCanWaitWhereTheConsumerHasAllItMayTakeOrIsNotThere) {
  auto look = resting();
  look.activity.unacked = 1499;
  EXPECT_FALSE(may_wait(look));
  look.activity.unacked = 1500;
  EXPECT_TRUE(may_wait(look));
  look = resting();
  look.activity.consuming = false;
  EXPECT_TRUE(may_wait(look));
  look.tenant.state = TenantState::creating;
  EXPECT_FALSE(may_wait(look)) << "its queue need not be there";
}

TEST(Moves, KnowNoDepthWhereTheBrokerWasNotAsked) {
  auto look = resting();
  look.activity.unacked = 1500;
  EXPECT_FALSE(moves_of(look, Servers::there).ready);
  EXPECT_FALSE(moves_of(look, Servers::there).lag_seconds);
  EXPECT_FALSE(moves_of(resting(), Servers::away).ready);
}

TEST(Moves, OfABacklogLastAsLongAsItTakesAtThisRate) {
  auto look = resting();
  look.activity.unacked = 1500;
  look.activity.settled_per_second = 100;
  look.activity.delivered_per_second = 100;
  look.depth = DepthWatch::Depth{500, 1, 30};
  const auto moves = moves_of(look, Servers::there);
  EXPECT_EQ(moves.state, "draining");
  EXPECT_EQ(moves.lag_seconds, 20);
  EXPECT_EQ(moves.in_per_second, 130) << "delivered, and what the queue grew by";
  look.activity.settled_per_second = 0;
  EXPECT_FALSE(moves_of(look, Servers::there).lag_seconds) << "for ever, as it looks";
}

TEST(Moves, OfASingleMessageInHandLagNoLongerThanItHasBeenThere) {
  auto look = resting();
  look.activity.unacked = 1;
  look.activity.settled_per_second = 0.1;
  look.activity.in_hand_for = 3ms;
  EXPECT_DOUBLE_EQ(*moves_of(look, Servers::there).lag_seconds, 0.003);
  look.activity.settled_per_second = 1000;
  EXPECT_DOUBLE_EQ(*moves_of(look, Servers::there).lag_seconds, 0.001);
}

TEST(Moves, OfAQueueThatIsEmptiedFasterThanItFillsAreNeverNegative) {
  auto look = resting();
  look.depth = DepthWatch::Depth{10, 1, -5000};
  look.activity.delivered_per_second = 4000;
  EXPECT_EQ(moves_of(look, Servers::there).in_per_second, 0);
}

TEST(Moves, SayTheStateInTheOrderOfWhatCountsMost) {
  auto look = resting();
  look.activity.waiting = 5;
  look.activity.writers_all_busy = true;
  look.activity.crowd = {2, 6};
  EXPECT_EQ(state_of(look), "waiting");
  look.activity.suspicious = true;
  EXPECT_EQ(state_of(look), "poison");
  look.activity.held = true;
  EXPECT_EQ(state_of(look), "held");
  look.activity.consuming = false;
  EXPECT_EQ(state_of(look), "no_consumer");
  EXPECT_EQ(state_of(look, Servers::away), "away");
  look.full = true;
  EXPECT_EQ(state_of(look, Servers::away), "full");
  look.tenant.paused = true;
  EXPECT_EQ(state_of(look), "paused");
  look.tenant.state = TenantState::deleting;
  EXPECT_EQ(state_of(look), "deleting");
}

TEST(Moves, TakeAnotherDaemonsConsumerForAsGood) {
  auto look = resting();
  look.activity.consuming = false;
  look.depth = DepthWatch::Depth{0, 1, 0};
  EXPECT_EQ(state_of(look), "idle");
  look.depth->consumers = 0;
  EXPECT_EQ(state_of(look), "no_consumer");
}

}  // namespace
}  // namespace mtmsg::tenants
