#include "daemon/access_log.hpp"

#include <sstream>

#include <gmock/gmock.h>

namespace mtmsg::daemon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class NoBody final : public http::BodyReader {
 public:
  boost::system::result<bool, http::Problem> read(std::string&) override { return false; }
};

class AccessLogTest : public testing::Test {
 protected:
  std::string told(LogLevel level, int status, int times = 1) {
    std::ostringstream out;
    Log log(LogFormat::logfmt, level, out);
    AccessLog access(log);
    auth::Peer peer;
    peer.address = "192.0.2.7";
    peer.port = 4711;
    const std::vector<http::HeaderLine> headers;
    NoBody body;
    http::Request request{"GET", "/tenants/acme?secret", headers, peer, body, "req-1"};
    request.facts = {"/tenants/{t}", "alice", status == 401 ? "unauthenticated" : ""};
    request.trace.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (int n = 0; n < times; ++n) access.note({request, status, 123, std::chrono::microseconds(45)});
    return out.str();
  }
};

TEST_F(AccessLogTest, TellsEachRequestAtLevelDebug) {
  EXPECT_THAT(told(LogLevel::debug, 200),
              HasSubstr("event=request msg=\"answered\" method=GET route=/tenants/{t} status=200 code=\"\" bytes=123 "
                        "duration_us=45 subject=alice peer=192.0.2.7:4711 request_id=req-1 "
                        "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"));
  EXPECT_THAT(told(LogLevel::info, 200), IsEmpty());
}

TEST_F(AccessLogTest, TellsOnceWhoWasNotLetIn) {
  const auto text = told(LogLevel::info, 401, 1000);
  EXPECT_THAT(text, HasSubstr("event=request_refused"));
  EXPECT_THAT(text, HasSubstr("code=unauthenticated"));
  EXPECT_THAT(text, HasSubstr("peer=192.0.2.7:4711 request_id=req-1\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(AccessLogTest, DoesNotTellTheQuery) {
  EXPECT_THAT(told(LogLevel::debug, 403), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace mtmsg::daemon
