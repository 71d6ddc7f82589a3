#include "cmd/systemd/log_text.hpp"

#include <gtest/gtest.h>

namespace mtmsg::ctl::systemd {
namespace {

JournalEntry entry() {
  JournalEntry entry;
  entry.at = Timestamp(std::chrono::microseconds(1'767'268'800'123'456));
  entry.priority = 4;
  entry.identifier = "mtmsgd";
  entry.pid = "42";
  entry.event = "tenant_full";
  entry.message = "the tenant keeps \"too\" much";
  entry.fields = {{"tenant", "acme"}};
  return entry;
}

TEST(LogText, ALineHasTheTimeTheLevelAndTheMessage) {
  EXPECT_EQ(log_line(entry()), "2026-01-01T12:00:00Z  warning  the tenant keeps \"too\" much\n");
}

TEST(LogText, ALineNamesWhoWroteItUnlessItWasTheDaemon) {
  auto from_systemd = entry();
  from_systemd.identifier = "systemd";
  from_systemd.priority = 6;
  EXPECT_EQ(log_line(from_systemd), "2026-01-01T12:00:00Z  info     systemd: the tenant keeps \"too\" much\n");
}

TEST(LogText, AMessageNeitherEndsTheLineNorSteersTheTerminal) {
  auto hostile = entry();
  hostile.message = "one\ntwo\x1b[2J\r\x7f";
  EXPECT_EQ(log_line(hostile), "2026-01-01T12:00:00Z  warning  one two?[2J??\n");
}

TEST(LogText, JsonAndCsvHaveTheSameFields) {
  EXPECT_EQ(log_json(entry()),
            R"({"at":"2026-01-01T12:00:00.123456Z","level":"warning","identifier":"mtmsgd","pid":"42",)"
            R"("event":"tenant_full","message":"the tenant keeps \"too\" much","fields":{"tenant":"acme"}})");
  EXPECT_EQ(log_csv_head(), "at,level,identifier,pid,event,message,fields\n");
  EXPECT_EQ(log_csv(entry()),
            "2026-01-01T12:00:00.123456Z,warning,mtmsgd,42,tenant_full,\"the tenant keeps \"\"too\"\" much\","
            "\"{\"\"tenant\"\":\"\"acme\"\"}\"\n");
}

TEST(LogText, LevelsAreThoseOfTheDaemon) {
  EXPECT_EQ(level_of(0), "error");
  EXPECT_EQ(level_of(3), "error");
  EXPECT_EQ(level_of(4), "warning");
  EXPECT_EQ(level_of(5), "info");
  EXPECT_EQ(level_of(6), "info");
  EXPECT_EQ(level_of(7), "debug");
  EXPECT_EQ(priority_of("warning"), 4);
  EXPECT_EQ(priority_of("notice"), std::nullopt);
}

}  // namespace
}  // namespace mtmsg::ctl::systemd
