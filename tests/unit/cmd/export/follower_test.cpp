#include "cmd/export/follower.hpp"

#include <gtest/gtest.h>

#include "domain/message.hpp"

namespace mtmsg::ctl {
namespace {

using namespace std::chrono_literals;

const Timestamp kNoon = parse_timestamp("2026-01-31T12:00:00Z").value();

client::MessageQuery since(std::string time) {
  client::MessageQuery query;
  query.since = std::move(time);
  return query;
}

TEST(WaitRule, WaitsForOneTenantAndNotForAll) {
  EXPECT_TRUE(WaitRule::can_wait("acme", {}, kNoon));
  EXPECT_FALSE(WaitRule::can_wait(std::nullopt, {}, kNoon));
}

TEST(WaitRule, WaitsForNothingThatMayBeInTheFuture) {
  EXPECT_TRUE(WaitRule::can_wait("acme", since("2026-01-31T11:00:00Z"), kNoon));
  EXPECT_FALSE(WaitRule::can_wait("acme", since("2026-01-31T11:59:30Z"), kNoon)) << "clocks differ";
  EXPECT_FALSE(WaitRule::can_wait("acme", since("2026-02-01T00:00:00Z"), kNoon));
  EXPECT_FALSE(WaitRule::can_wait("acme", since("yesterday"), kNoon)) << "the daemon says what is wrong with it";
}

TEST(WaitRule, LooksForAMinuteInsteadWhereTheDaemonRefusedToWait) {
  WaitRule rule;
  const WaitRule::Clock::time_point now{1h};
  EXPECT_TRUE(rule.wait_now(now));
  rule.refused(now);
  EXPECT_FALSE(rule.wait_now(now + 59s));
  EXPECT_TRUE(rule.wait_now(now + 60s));
}

}  // namespace
}  // namespace mtmsg::ctl
