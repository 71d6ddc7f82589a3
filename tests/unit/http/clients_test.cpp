#include "http/clients.hpp"

#include <gtest/gtest.h>

namespace mtmsg::http {
namespace {

std::string key_of(const std::string& address) {
  auth::Peer peer;
  peer.address = address;
  return client_key(peer);
}

TEST(Clients, AnIpv4AddressIsOneHoweverItIsWritten) {
  EXPECT_EQ(key_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(key_of("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_NE(key_of("192.0.2.1"), key_of("192.0.2.2"));
}

TEST(Clients, ASixtyFourthOfIpv6IsOne) {
  EXPECT_EQ(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:2:ffff:1:2:3"));
  EXPECT_NE(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:3::1"));
}

TEST(Clients, AUserOfTheUnixSocketIsOne) {
  auth::Peer peer;
  peer.transport = auth::Peer::Transport::unix_socket;
  peer.uid = 1000;
  const auto key = client_key(peer);
  EXPECT_EQ(key, "uid 1000");
  peer.pid = 7;
  EXPECT_EQ(client_key(peer), key);
}

TEST(Clients, CountsConnectionsAndForgetsWhoLeft) {
  Clients clients;
  auth::Peer peer;
  peer.address = "192.0.2.1";
  auto& one = clients.enter(peer);
  EXPECT_EQ(&clients.enter(peer), &one);
  EXPECT_EQ(one.connections, 2U);
  clients.leave(one);
  clients.leave(one);
  EXPECT_EQ(clients.connections(), 0U);
  EXPECT_EQ(clients.enter(peer).connections, 1U);
}

TEST(Clients, APlaceIsTakenUntilItIsLeft) {
  std::atomic<std::size_t> count{0};
  {
    const Place first(count, 1);
    EXPECT_TRUE(first);
    EXPECT_FALSE(Place(count, 1));
  }
  EXPECT_TRUE(Place(count, 1));
}

}  // namespace
}  // namespace mtmsg::http
