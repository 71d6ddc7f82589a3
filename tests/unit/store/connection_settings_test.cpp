#include "store/pg/connection_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::store::pg {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Pair;

TEST(ConnectionSettings, AddDefaultsForWhatTheStringDoesNotSay) {
  for (const auto* url : {"postgresql://u:p@h1,h2/db?target_session_attrs=read-write",
                          "host=h1,h2 user=u password=p dbname=db target_session_attrs=read-write"}) {
    const auto options = connection_settings(url, 5000ms).value().options;
    EXPECT_THAT(options, Contains(Pair("host", "h1,h2")));
    EXPECT_THAT(options, Contains(Pair("target_session_attrs", "read-write")));
    EXPECT_THAT(options, Contains(Pair("application_name", "mtmsgd")));
    EXPECT_THAT(options, Contains(Pair("connect_timeout", "5")));
    EXPECT_THAT(options, Contains(Pair("keepalives_idle", "10")));
    EXPECT_THAT(options, Contains(Pair("client_encoding", "UTF8")));
  }
}

TEST(ConnectionSettings, LeaveWhatTheStringSays) {
  const auto options =
      connection_settings("host=h keepalives_idle=77 application_name=x connect_timeout=9 client_encoding=LATIN1", 1ms)
          .value()
          .options;
  EXPECT_THAT(options, Contains(Pair("keepalives_idle", "77")));
  EXPECT_THAT(options, Contains(Pair("application_name", "x")));
  EXPECT_THAT(options, Contains(Pair("connect_timeout", "9")));
  EXPECT_THAT(options, Contains(Pair("client_encoding", "UTF8"))) << "this one is ours";
}

TEST(ConnectionSettings, AskOfSeveralHostsForTheOneThatTakesWrites) {
  using testing::Key;
  const auto of = [](const char* url) { return connection_settings(url, 5s).value(); };
  for (const auto* url : {"postgresql://h1,h2/db", "host=h1,h2", "hostaddr=10.0.0.1,10.0.0.2"}) {
    EXPECT_TRUE(of(url).several_hosts()) << url;
    EXPECT_THAT(of(url).options, Contains(Pair("target_session_attrs", "read-write"))) << url;
  }
  EXPECT_THAT(of("host=h1,h2 target_session_attrs=any").options, Contains(Pair("target_session_attrs", "any")));
  // Whatever it is, there is no other.
  EXPECT_FALSE(of("postgresql://h/db").several_hosts());
  EXPECT_THAT(of("postgresql://h/db").options, testing::Not(Contains(Key("target_session_attrs"))));
}

TEST(ConnectionSettings, NeverAskForLessThanLibpqCanDo) {
  EXPECT_THAT(connection_settings("host=h", 1ms).value().options, Contains(Pair("connect_timeout", "2")));
  EXPECT_THAT(connection_settings("host=h", 2001ms).value().options, Contains(Pair("connect_timeout", "3")));
}

TEST(ConnectionSettings, RefuseWhatIsNoConnectionStringWithoutRepeatingIt) {
  for (const auto* url : {"", "secret", "host=h password=secret nonsense=1", "postgresql://u:secret@[h/db"}) {
    const auto settings = connection_settings(url, 5s);
    ASSERT_FALSE(settings) << url;
    EXPECT_EQ(settings.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(settings.error().message, testing::Not(testing::HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace mtmsg::store::pg
