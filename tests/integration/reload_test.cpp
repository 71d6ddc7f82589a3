// SIGHUP: the daemon reads its configuration again.

#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

class Reload : public testing::Test {
 protected:
  Reload() {
    write("");
    world_.set("MTMSG_CONFIG", file_);
    world_.launch_daemon();
  }
  void write(const std::string& text) const { std::ofstream(file_) << text; }
  /// SIGHUP; true when a line of this event, with this text, was logged.
  bool reload_logs(const std::string& event, const std::string& text) {
    const auto before = world_.logged(event, text);
    world_.daemon().signal(SIGHUP);
    return eventually([&] { return world_.logged(event, text) > before; });
  }

  World world_;
  const std::string file_ = world_.folder() + "/mtmsgd.toml";
};

TEST_F(Reload, AppliesWhatCanChangeAndNamesWhatNeedsARestart) {
  write("[log]\nlevel = \"debug\"\n[shutdown]\ntimeout = \"7s\"\n[database]\nwriters = 2\n");
  EXPECT_TRUE(reload_logs("reloaded", "changed=\"log.level, shutdown.timeout\"")) << world_.log();
  EXPECT_EQ(world_.logged("restart_needed", "options=database.writers"), 1U) << world_.log();
  // Told again as long as it is so.
  EXPECT_TRUE(reload_logs("restart_needed", "options=database.writers")) << world_.log();
  EXPECT_EQ(world_.stop_daemon(), 0);
}

TEST_F(Reload, TakesTheLogLevelAtOnce) {
  write("[log]\nlevel = \"warning\"\n[database]\nwriters = 2\n");
  EXPECT_TRUE(reload_logs("restart_needed", "")) << world_.log();
  EXPECT_EQ(world_.logged("reloaded"), 0U) << "that is told as an info\n" << world_.log();
}

TEST_F(Reload, OfABrokenConfigurationChangesNothing) {
  write("[log]\nlevel = \"debug\"\n[http]\nlisten = 7\nlissen = \"x\"\n");
  EXPECT_TRUE(reload_logs("not_reloaded", "nothing was changed")) << world_.log();
  EXPECT_EQ(world_.logged("bad_configuration", "mtmsgd.toml:4"), 1U) << world_.log();
  EXPECT_EQ(world_.logged("bad_configuration", "mtmsgd.toml:5"), 1U) << world_.log();
  EXPECT_TRUE(world_.client().status().has_value());
  write("");
  EXPECT_TRUE(reload_logs("reloaded", "no option changed")) << world_.log();
}

}  // namespace
}  // namespace mtmsg::test
