#include "config/reload.hpp"

#include <gtest/gtest.h>

#include "config/loader.hpp"

namespace mtmsg::config {
namespace {

using namespace std::chrono_literals;

Config config(std::string_view toml) {
  const auto loaded =
      load_text(toml, "t", {{"MTMSG_BROKER_URL", "amqp://a:secret@h/"}, {"MTMSG_DATABASE_URL", "postgresql://h/"}});
  EXPECT_TRUE(loaded.ok());
  return loaded.config;
}

TEST(Reload, TellsWhatCanChangeFromWhatNeedsARestart) {
  const auto found =
      changes(config(""), config("[log]\nlevel = \"debug\"\n[database]\nwriters = 7\n[shutdown]\ntimeout = \"5s\"\n"));
  EXPECT_EQ(names_of(found.reloadable), "log.level, shutdown.timeout");
  EXPECT_EQ(names_of(found.need_restart), "database.writers");
}

TEST(Reload, TakesOnlyWhatCanChange) {
  const auto result =
      reloaded(config(""), config("[log]\nlevel = \"error\"\n[database]\nwriters = 7\n[shutdown]\ntimeout = \"5s\"\n"));
  EXPECT_EQ(result.log.level, LogLevel::error);
  EXPECT_EQ(result.shutdown.timeout, 5s);
  EXPECT_EQ(result.database.writers, 4U);
  EXPECT_EQ(result.broker.url, "amqp://a:secret@h/");
}

TEST(Reload, FindsNothingInTheSameConfiguration) {
  const auto found = changes(config(""), config(""));
  EXPECT_TRUE(found.reloadable.empty());
  EXPECT_TRUE(found.need_restart.empty());
}

}  // namespace
}  // namespace mtmsg::config
