#include "auth/authenticator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/signature.hpp"

namespace mtmsg::auth {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Peer tcp_peer() {
  Peer peer;
  peer.address = "192.0.2.1";
  return peer;
}

Key key(const std::string& id) {
  return {id, Algorithm::hs256, std::string(32, id[0]), std::string(32, id[0]), id};
}

std::shared_ptr<const TokenRules> rules(std::vector<Key> keys) {
  return std::make_shared<const TokenRules>(std::move(keys), Expectations{});
}

std::string token(const Key& with) {
  return sign(R"({"sub":"ops","role":"admin","exp":1000})", with).value();
}

Seconds clock_at_500() {
  return Seconds(500s);
}

TEST(Authenticator, MakesTheUnixPeerAdmin) {
  Peer peer;
  peer.transport = Peer::Transport::unix_socket;
  peer.address = "unix:uid=7";
  const auto principal = Authenticator(Mode::jwt).authenticate(peer, "").value();
  EXPECT_EQ(principal.role, Role::admin);
  EXPECT_EQ(principal.subject, "unix:uid=7");
}

TEST(Authenticator, LetsNobodyInOnTcpWithoutKeysAndSaysWhatToConfigure) {
  Peer peer;
  peer.loopback = true;
  const auto refused = Authenticator(Mode::jwt).authenticate(peer, "Bearer x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unauthenticated);
  EXPECT_THAT(refused.error().message, HasSubstr("auth.keys_dir"));
}

TEST(Authenticator, ModeNoneIsForThisMachineOnly) {
  Peer peer;
  EXPECT_FALSE(Authenticator(Mode::none).authenticate(peer, ""));
  peer.loopback = true;
  EXPECT_EQ(Authenticator(Mode::none).authenticate(peer, "").value().role, Role::admin);
}

TEST(Authenticator, TakesATokenInTheFormOfRfc6750AndNoOther) {
  Authenticator authenticator(Mode::jwt, clock_at_500);
  authenticator.use(rules({key("a")}));
  const auto good = token(key("a"));
  for (const auto& header : {"Bearer " + good, "bearer " + good, "BEARER   " + good})
    EXPECT_EQ(authenticator.authenticate(tcp_peer(), header).value().subject, "ops") << header;
  for (const auto& header : {std::string("Bearer"), std::string("Bearer "), std::string("Basic YTpi"), good,
                             "Bearer" + good, "Bearer " + good + " ", "Bearer " + good + "," + good, "Token " + good})
    EXPECT_FALSE(authenticator.authenticate(tcp_peer(), header)) << header;
  EXPECT_THAT(authenticator.authenticate(tcp_peer(), "").error().message, HasSubstr("Authorization: Bearer TOKEN"));
}

TEST(Authenticator, KnowsOldAndNewKeySideBySideAndForgetsAKeyThatIsGone) {
  Authenticator authenticator(Mode::jwt, clock_at_500);
  const auto copy = authenticator;  // as the API holds one
  const auto accepts = [&](const std::string& id) {
    return copy.authenticate(tcp_peer(), "Bearer " + token(key(id))).has_value();
  };
  authenticator.use(rules({key("a")}));
  EXPECT_TRUE(accepts("a"));
  EXPECT_FALSE(accepts("b"));
  authenticator.use(rules({key("a"), key("b")}));
  EXPECT_TRUE(accepts("a"));
  EXPECT_TRUE(accepts("b"));
  authenticator.use(rules({key("b")}));
  EXPECT_FALSE(accepts("a"));
  EXPECT_TRUE(accepts("b"));
}

}  // namespace
}  // namespace mtmsg::auth
