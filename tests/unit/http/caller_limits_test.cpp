#include "http/caller_limits.hpp"

#include <gtest/gtest.h>

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;

auth::Peer tcp_peer(std::string address, bool loopback = false) {
  auth::Peer peer;
  peer.address = std::move(address);
  peer.loopback = loopback;
  return peer;
}

class CallerLimitsTest : public testing::Test {
 protected:
  CallerLimits::Clock::time_point now_ = CallerLimits::Clock::now();
  CallerLimits limits_{[this] { return now_; }};
  const auth::Peer stranger_ = tcp_peer("192.0.2.7");
};

TEST_F(CallerLimitsTest, GivesEachSubjectASecondsWorthAndThenTheRate) {
  limits_.set_request_rate(5);
  for (int n = 0; n < 5; ++n) EXPECT_FALSE(limits_.take(stranger_, "a")) << n;
  EXPECT_EQ(limits_.take(stranger_, "a"), 200ms);
  EXPECT_FALSE(limits_.take(stranger_, "b"));
  now_ += 200ms;
  EXPECT_FALSE(limits_.take(stranger_, "a"));
  EXPECT_TRUE(limits_.take(stranger_, "a"));
}

TEST_F(CallerLimitsTest, BoundsNobodyWithoutARateAndNobodyOnTheUnixSocket) {
  for (int n = 0; n < 100; ++n) EXPECT_FALSE(limits_.take(stranger_, "a"));
  limits_.set_request_rate(1);
  auth::Peer local;
  local.transport = auth::Peer::Transport::unix_socket;
  for (int n = 0; n < 100; ++n) EXPECT_FALSE(limits_.take(local, "a"));
}

TEST_F(CallerLimitsTest, ForgetsSubjectsThatAskNoMore) {
  limits_.set_request_rate(1);
  for (int n = 0; n < 10'000; ++n) {
    now_ += 10ms;
    limits_.take(stranger_, "subject-" + std::to_string(n));
  }
  EXPECT_LT(limits_.subjects(), 300U);
}

TEST_F(CallerLimitsTest, LooksAtNoCredentialsOfAnAddressThatFailedTooOften) {
  limits_.set_failure_limit(20);
  for (int n = 0; n < 20; ++n) {
    EXPECT_FALSE(limits_.held_back(stranger_)) << n;
    limits_.failed(stranger_);
  }
  EXPECT_EQ(limits_.held_back(stranger_), 10s);
  EXPECT_FALSE(limits_.held_back(tcp_peer("192.0.2.8")));
  now_ += 9s;
  EXPECT_EQ(limits_.held_back(stranger_), 1s);
  now_ += 1s;
  EXPECT_FALSE(limits_.held_back(stranger_));
  limits_.failed(stranger_);
  EXPECT_FALSE(limits_.held_back(stranger_));
}

TEST_F(CallerLimitsTest, DoesNotHoldBackAProxyOnThisMachine) {
  limits_.set_failure_limit(1);
  const auto proxy = tcp_peer("127.0.0.1", true);
  for (int n = 0; n < 100; ++n) limits_.failed(proxy);
  EXPECT_FALSE(limits_.held_back(proxy));
}

TEST_F(CallerLimitsTest, CountsAnIpv6NetworkAsOne) {
  EXPECT_EQ(counted_address("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(counted_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(counted_address("fe80::1%eth0"), "fe80::");
  limits_.set_failure_limit(2);
  limits_.failed(tcp_peer("2001:db8::1"));
  limits_.failed(tcp_peer("2001:db8::2"));
  EXPECT_TRUE(limits_.held_back(tcp_peer("2001:db8::3")));
}

TEST_F(CallerLimitsTest, KeepsABoundedNumberOfAddresses) {
  limits_.set_failure_limit(1);
  for (int n = 0; n < 30'000; ++n)
    limits_.failed(tcp_peer("10." + std::to_string(n >> 16) + "." + std::to_string((n >> 8) & 255) + "." +
                            std::to_string(n & 255)));
  EXPECT_EQ(limits_.addresses(), CallerLimits::kAddresses);
  now_ += 11s;
  limits_.failed(stranger_);
  EXPECT_EQ(limits_.addresses(), 1U);
  EXPECT_TRUE(limits_.held_back(stranger_));
}

}  // namespace
}  // namespace mtmsg::http
