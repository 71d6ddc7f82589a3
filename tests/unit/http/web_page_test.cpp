#include "http/web_page.hpp"

#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

TEST(WebPageTest, AddressesAndLocalhostAreThisMachinesOwn) {
  for (const auto* host :
       {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "192.0.2.7"})
    EXPECT_FALSE(may_be_foreign_page(host, "")) << host;
}

TEST(WebPageTest, ANameThatWasPointedHereIsNot) {
  for (const auto* host :
       {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "", "[", "[::1", "x"})
    EXPECT_TRUE(may_be_foreign_page(host, "")) << host;
}

TEST(WebPageTest, AnotherOriginIsNot) {
  EXPECT_FALSE(may_be_foreign_page("127.0.0.1:8080", "http://127.0.0.1:8080"));
  EXPECT_FALSE(may_be_foreign_page("localhost:8443", "https://localhost:8443"));
  for (const auto* origin :
       {"http://127.0.0.1:9000", "https://evil.example", "http://localhost:8080", "null", "file://"})
    EXPECT_TRUE(may_be_foreign_page("127.0.0.1:8080", origin)) << origin;
}

class PagesOnThisMachine : public ApiTest {
 protected:
  Response post(std::vector<HeaderLine> headers) {
    auth::Peer peer;
    peer.loopback = true;
    peer.address = "127.0.0.1";
    Pieces pieces("");
    Request request{"POST", "/tenants/acme/pause", headers, peer, pieces};
    return Api(world_.services(), auth::Authenticator(auth::Mode::none)).handle(request);
  }
  bool paused() { return world_.tenants.find("acme").value().paused; }
};

TEST_F(PagesOnThisMachine, CanChangeNothingWhereNoTokenIsNeeded) {
  tenant();
  for (const std::vector<HeaderLine>& headers : {std::vector<HeaderLine>{{"Host", "evil.example:8080"}},
                                                 {{"Host", "evil.example:8080"}, {"Authorization", "Bearer x"}},
                                                 {{"Host", "127.0.0.1:8080"}, {"Origin", "http://evil.example"}}}) {
    const auto refused = post(headers);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(code(refused), "forbidden");
    EXPECT_FALSE(paused());
  }
  EXPECT_EQ(post({{"Host", "127.0.0.1:8080"}, {"Origin", "http://127.0.0.1:8080"}}).status, 200);
  EXPECT_TRUE(paused());
}

}  // namespace
}  // namespace mtmsg::http
