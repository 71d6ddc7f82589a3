#include "store/pg/dial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/result.hpp"

namespace mtmsg::store::pg {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> hosts_of(const std::string& url) {
  std::vector<std::string> hosts;
  for (const auto& settings : split_hosts(connection_settings(url, 5s).value())) {
    std::string host;
    for (const std::string_view wanted : {"host", "hostaddr", "port"}) {
      for (const auto& [key, value] : settings.options)
        if (key == wanted) host += (host.empty() ? "" : " ") + value;
    }
    hosts.push_back(host);
  }
  return hosts;
}

using testing::ElementsAre;

TEST(Dial, TriesEachHostOfTheListWithItsOwnPort) {
  EXPECT_THAT(hosts_of("postgresql://u@a:1,b:2/db"), ElementsAre("a 1", "b 2"));
  EXPECT_THAT(hosts_of("host=a,b port=7 dbname=x"), ElementsAre("a 7", "b 7"));
  EXPECT_THAT(hosts_of("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2"), ElementsAre("a 10.0.0.1 1", "b 10.0.0.2 2"));
  EXPECT_THAT(hosts_of("hostaddr=10.0.0.1,10.0.0.2"), ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_THAT(hosts_of("postgresql://u@a/db"), ElementsAre("a"));
  EXPECT_THAT(hosts_of("dbname=x"), ElementsAre(""));
}

TEST(Dial, LeavesTogetherWhatLibpqHasToChooseOrToRefuse) {
  EXPECT_THAT(hosts_of("host=a,b target_session_attrs=prefer-standby"), ElementsAre("a,b"));
  EXPECT_THAT(hosts_of("host=a,b,c port=1,2"), ElementsAre("a,b,c 1,2"));
}

std::string failure_of(const ConnectionSettings& settings) {
  try {
    PQfinish(dial(settings));
    return "";
  } catch (const Failure& failure) {
    return failure.error().message;
  }
}

TEST(Dial, TellsOfEachHostInTheListsOrderWhereverItBegins) {
  const auto settings = connection_settings("host=127.0.0.1,127.0.0.1 port=1,2 dbname=x", 5s).value();
  const auto before = failure_of(settings);
  EXPECT_THAT(before, testing::ContainsRegex("port 1 .*; .*port 2 "));
  *settings.last_host = 1;
  EXPECT_EQ(failure_of(settings), before);
}

TEST(Sessions, EndInterruptsAlsoWhatComesLater) {
  Sessions sessions;
  EXPECT_FALSE(sessions.ended());
  sessions.end();
  sessions.end();
  EXPECT_TRUE(sessions.ended());
  auto settings = connection_settings("host=127.0.0.1 port=1 dbname=x", 5s).value();
  settings.sessions = std::shared_ptr<Sessions>(&sessions, [](Sessions*) {});
  EXPECT_THROW(dial(settings), Failure);
}

}  // namespace
}  // namespace mtmsg::store::pg
