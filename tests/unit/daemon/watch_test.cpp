#include "daemon/watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A readiness where these parts are not ready, and everything else is.
wire::Readiness away(const std::map<std::string, std::string>& reasons) {
  wire::Readiness readiness;
  for (const char* name : {"database", "writers", "broker.delivery", "broker.control", "broker.publish", "tenants"}) {
    const auto reason = reasons.find(name);
    const bool ok = reason == reasons.end();
    readiness.parts.push_back({name, ok, ok ? "" : reason->second});
  }
  return readiness;
}

TEST(Announcer, TellsOnceThatAPartIsAwayAndOnceThatItIsBack) {
  Announcer announcer;
  EXPECT_THAT(announcer.look(away({})), IsEmpty());
  EXPECT_THAT(announcer.look(away({{"database", "refused"}})), IsEmpty());
  EXPECT_THAT(announcer.look(away({{"database", "refused"}})), ElementsAre(PartChange{"database", false, "refused"}));
  EXPECT_TRUE(announcer.told_away("database"));
  EXPECT_THAT(announcer.look(away({{"database", "another reason"}})), IsEmpty());
  EXPECT_THAT(announcer.look(away({})), ElementsAre(PartChange{"database", true, ""}));
  EXPECT_FALSE(announcer.told_away("database"));
  EXPECT_THAT(announcer.look(away({})), IsEmpty());
}

TEST(Announcer, SaysNothingOfWhatCameAndWentBetweenTwoLooks) {
  Announcer announcer;
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(announcer.look(away({{"broker.publish", "cut"}})), IsEmpty());
    EXPECT_THAT(announcer.look(away({})), IsEmpty());
  }
}

TEST(Announcer, LeavesToTheWritersAndTheDeliveryLinkWhatTheySayThemselves) {
  Announcer announcer;
  const auto all = away({{"database", "x"},
                         {"writers", "x"},
                         {"broker.delivery", "y"},
                         {"broker.control", "y"},
                         {"broker.publish", "y"},
                         {"tenants", "z"}});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(announcer.look(all), IsEmpty());
  EXPECT_THAT(announcer.look(away({})), IsEmpty());
}

TEST(Announcer, TellsWhatStaysAwayAfterItsExplanationIsGone) {
  Announcer announcer;
  announcer.look(away({{"broker.delivery", "y"}, {"broker.publish", "y"}}));
  announcer.look(away({{"broker.delivery", "y"}, {"broker.publish", "y"}}));
  EXPECT_THAT(announcer.look(away({{"broker.publish", "blocked"}})), IsEmpty());
  EXPECT_THAT(announcer.look(away({{"broker.publish", "blocked"}})),
              ElementsAre(PartChange{"broker.publish", false, "blocked"}));
}

TEST(Announcer, TellsTheEndOfWhatItToldEvenWhenTheWritersJoinedIn) {
  Announcer announcer;
  announcer.look(away({{"database", "x"}}));
  announcer.look(away({{"database", "x"}}));
  EXPECT_THAT(announcer.look(away({{"database", "x"}, {"writers", "x"}})), IsEmpty());
  EXPECT_TRUE(announcer.told_away("database"));
  EXPECT_THAT(announcer.look(away({})), ElementsAre(PartChange{"database", true, ""}));
}

TEST(Watch, StopsAtOnceAndAsOftenAsAsked) {
  Watch watch([] { return away({}); }, [](const PartChange&) {});
  const auto begin = std::chrono::steady_clock::now();
  watch.start();
  watch.stop();
  watch.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
}

}  // namespace
}  // namespace mtmsg::daemon
