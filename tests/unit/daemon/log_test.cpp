#include "daemon/log.hpp"

#include <sstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mtmsg::daemon {
namespace {

using ::testing::EndsWith;
using ::testing::MatchesRegex;

TEST(Log, WritesOneLogfmtLineAnEventWithStableKeys) {
  std::ostringstream out;
  Log log(LogFormat::logfmt, LogLevel::info, out);
  log.info("tenant_created", "tenant acme created", {{"tenant", "0190"}, {"workers", 3U}, {"paused", false}});
  EXPECT_THAT(out.str(), MatchesRegex("time=[0-9-]+T[0-9:.]+Z level=info event=tenant_created "
                                      "msg=\"tenant acme created\" tenant=0190 workers=3 paused=false\n"));
}

TEST(Log, WritesForPeople) {
  std::ostringstream out;
  Log log(LogFormat::human, LogLevel::info, out);
  log.warning("database_away", "the database is away", {{"error", "no route to \"host\""}});
  EXPECT_THAT(out.str(), EndsWith(" warning the database is away  error=\"no route to \\\"host\\\"\"\n"));
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos);
}

TEST(Log, LeavesOutWhatIsBelowItsLevelUntilThatChanges) {
  std::ostringstream out;
  Log log(LogFormat::logfmt, LogLevel::warning, out);
  log.debug("a", "a");
  log.info("b", "b");
  EXPECT_EQ(out.str(), "");
  log.error("c", "c");
  log.set_level(LogLevel::debug);
  log.debug("d", "d");
  const auto text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(Log, LetsNothingFromOutsideForgeALineOrSteerATerminal) {
  for (const auto format : {LogFormat::logfmt, LogFormat::human}) {
    std::ostringstream out;
    Log log(format, LogLevel::info, out);
    const std::string evil("a\nlevel=error \x1b[2J\r\t\x7f\xc2\x9b\xff\0b {} %s", 32);
    log.info("x", evil, {{"name", evil}});
    const auto text = out.str();
    ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    for (const char c : text.substr(0, text.size() - 1)) {
      const auto byte = static_cast<unsigned char>(c);
      ASSERT_TRUE(byte >= 0x20 && byte < 0x7F) << text;
    }
    EXPECT_NE(text.find("{} %s"), std::string::npos);
  }
}

TEST(Log, EscapesOnlyWhatNeedsIt) {
  EXPECT_EQ(escape_log_text("Grüße \u20ac \U0001F600"), "Grüße \u20ac \U0001F600");
  EXPECT_EQ(escape_log_text("a\nb"), "a\\nb");
  EXPECT_EQ(escape_log_text("\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\xe2\x82"),
            "\\xed\\xa0\\x80\\xc0\\x80\\xf4\\x90\\x80\\x80\\xe2\\x82");
}

TEST(Log, KeepsLinesWholeBetweenThreads) {
  std::ostringstream out;
  Log log(LogFormat::logfmt, LogLevel::info, out);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&log] {
      for (int n = 0; n < 200; ++n) log.info("tick", "tick", {{"n", n}});
    });
  }
  for (auto& thread : threads) thread.join();
  std::istringstream lines(out.str());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    ASSERT_THAT(line, MatchesRegex("time=[^ ]+ level=info event=tick msg=\"tick\" n=[0-9]+"));
  }
  EXPECT_EQ(count, 800);
}

TEST(LogFormat, FollowsWhatStandardErrorIs) {
  EXPECT_EQ(resolve_log_format(LogFormat::automatic, true, false), LogFormat::human);
  EXPECT_EQ(resolve_log_format(LogFormat::automatic, false, true), LogFormat::journal);
  EXPECT_EQ(resolve_log_format(LogFormat::automatic, false, false), LogFormat::logfmt);
  EXPECT_EQ(resolve_log_format(LogFormat::logfmt, true, true), LogFormat::logfmt);
}

TEST(LogFormat, KnowsTheJournalsStreamByDeviceAndInode) {
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  const auto stream = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
  EXPECT_TRUE(is_journal_stream(stream, STDERR_FILENO));
  EXPECT_FALSE(is_journal_stream(stream + "1", STDERR_FILENO));
  EXPECT_FALSE(is_journal_stream("", STDERR_FILENO));
  EXPECT_FALSE(is_journal_stream(stream, -1));
}

}  // namespace
}  // namespace mtmsg::daemon
