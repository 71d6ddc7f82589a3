// `mtmsgctl top` in a real terminal (tmux's), against a real daemon.

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/tmux.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class Top : public testing::Test {
 protected:
  Top() : terminal_(world_.folder(), 80, 24) {
    world_.start_daemon();
    for (const auto* name : {"acme", "beta", "gamma"}) tenants_.push_back(world_.create_tenant(name, 2).id);
  }
  /// Starts it in the terminal's shell, and waits until it shows something.
  void start(const std::string& arguments = "") {
    terminal_.type("stty -g > " + path("before") + "; echo 'what was here before'; " + command() + " top " + arguments +
                   "; echo \"ended with $?\"; stty -g > " + path("after") + "\n");
    ASSERT_TRUE(shows("TENANT ")) << terminal_.screen();
  }
  std::string command() const { return mtmsgctl_path() + " --endpoint " + world_.endpoint(); }
  std::string path(const std::string& name) const { return world_.folder() + "/" + name; }
  bool shows(const std::string& text, std::chrono::milliseconds limit = 20s) {
    return eventually([&] { return terminal_.screen().find(text) != std::string::npos; }, limit);
  }
  bool hides(const std::string& text) {
    return eventually([&] { return terminal_.screen().find(text) == std::string::npos; }, 20s);
  }
  /// The process that the terminal's shell runs.
  pid_t running() const {
    const auto shell = terminal_.asked("pane_pid");
    return std::stoi(run({"pgrep", "-P", shell}).out);
  }
  /// The terminal as the shell has it again.
  void expect_as_it_was() {
    ASSERT_TRUE(shows("ended with")) << terminal_.screen();
    EXPECT_THAT(terminal_.screen(), HasSubstr("what was here before")) << "its own page is gone";
    EXPECT_THAT(terminal_.screen(), Not(HasSubstr("TENANT ")));
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path("after")); }));
    EXPECT_EQ(run({"cmp", path("before"), path("after")}).exit_code, 0) << "settings of the terminal";
    EXPECT_EQ(terminal_.asked("cursor_flag"), "1") << "the cursor is there again";
    EXPECT_EQ(terminal_.asked("alternate_on"), "0");
  }

  World world_;
  Tmux terminal_;
  std::vector<TenantId> tenants_;
};

TEST_F(Top, ShowsTenantsUnderLoadAndLeavesTheTerminalAsItWas) {
  const auto flood = foreign_flood(world_, tenants_, 30'000, 1);
  start("--interval 1");
  const auto moves = [&] {
    const auto screen = terminal_.screen();
    return screen.find("acme") != std::string::npos && screen.find(" in 0/s") == std::string::npos &&
           screen.find(" out 0/s") == std::string::npos;
  };
  EXPECT_TRUE(eventually(moves, 30s)) << terminal_.screen();
  RecordProperty("screen", terminal_.screen());
  if (const char* file = std::getenv("TOP_SCREEN_FILE")) terminal_.save(file);
  EXPECT_EQ(flood->wait(120s), 0) << flood->output();
  EXPECT_TRUE(shows("idle", 90s)) << terminal_.screen();  // once the rates have faded
  terminal_.type("q");
  expect_as_it_was();
  EXPECT_THAT(terminal_.screen(), HasSubstr("ended with 0"));
}

TEST_F(Top, SortsFiltersAndPausesByKeys) {
  start("--sort name --interval 1");
  ASSERT_TRUE(shows("by name")) << terminal_.screen();
  terminal_.type("r");
  ASSERT_TRUE(shows("by name, reversed"));
  ASSERT_TRUE(eventually([&] {
    const auto screen = terminal_.screen();
    return screen.find("gamma") < screen.find("acme");
  })) << terminal_.screen();
  terminal_.type("/bet\n");
  ASSERT_TRUE(hides("acme")) << terminal_.screen();
  EXPECT_THAT(terminal_.screen(), HasSubstr("beta"));
  terminal_.type("p");
  ASSERT_TRUE(shows("PAUSED"));
  ASSERT_TRUE(world_.client().pause_tenant("beta").has_value());
  terminal_.type("?");
  ASSERT_TRUE(shows("Any key goes back"));
  terminal_.type("x");
  ASSERT_TRUE(shows("PAUSED"));
  EXPECT_THAT(terminal_.screen(), Not(HasSubstr("paused"))) << "nothing was asked meanwhile";
  terminal_.type("p");
  ASSERT_TRUE(shows("paused")) << terminal_.screen();
  terminal_.key("Escape");
  ASSERT_TRUE(shows("acme")) << terminal_.screen();
  terminal_.type("q");
  expect_as_it_was();
}

TEST_F(Top, FollowsTheSizeOfTheTerminal) {
  start();
  ASSERT_TRUE(shows("DEAD"));
  terminal_.resize(40, 12);
  ASSERT_TRUE(hides("DEAD")) << terminal_.screen();
  EXPECT_TRUE(shows("acme"));
  terminal_.resize(120, 30);
  ASSERT_TRUE(shows("DEAD")) << terminal_.screen();
  EXPECT_TRUE(eventually([&] { return terminal_.line(29).starts_with("q quit"); })) << terminal_.screen();
  terminal_.type("q");
  expect_as_it_was();
}

TEST_F(Top, LeavesTheTerminalAsItWasWhateverEndsIt) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    start();
    ASSERT_EQ(::kill(running(), signal), 0);
    expect_as_it_was();
    std::filesystem::remove(path("after"));
    terminal_.type("clear\n");
    ASSERT_TRUE(hides("ended with"));
  }
  start();
  terminal_.key("C-c");
  expect_as_it_was();
}

TEST_F(Top, GivesTheTerminalToTheShellWhileItIsStopped) {
  start();
  terminal_.key("C-z");
  ASSERT_TRUE(shows("what was here before")) << terminal_.screen();
  terminal_.type("echo stopped$((1+1)); fg\n");
  ASSERT_TRUE(shows("TENANT ")) << terminal_.screen();
  terminal_.type("q");
  ASSERT_TRUE(shows("stopped2")) << terminal_.screen();
}

TEST_F(Top, SaysWhatIsWrongWhileTheDaemonIsAwayAndGoesOnWhenItIsBack) {
  start("--interval 1");
  world_.stop_daemon();
  ASSERT_TRUE(hides("by depth")) << terminal_.screen();
  EXPECT_THAT(terminal_.screen(), HasSubstr("acme")) << "what was seen last";
  world_.start_daemon();
  EXPECT_TRUE(shows("by depth")) << terminal_.screen();
  terminal_.type("q");
  expect_as_it_was();
}

TEST_F(Top, WithoutADaemonEndsWithItsUsualError) {
  world_.stop_daemon();
  terminal_.type(command() + " top; echo \"ended with $?\"\n");
  ASSERT_TRUE(shows("ended with 3")) << terminal_.screen();
  EXPECT_THAT(terminal_.screen(), HasSubstr("Is mtmsgd running?"));
}

TEST_F(Top, TellsOncePerScriptWhatIsPausedAndWaits) {
  ASSERT_TRUE(world_.client().pause_tenant("beta").has_value());
  std::string lines;
  for (int i = 0; i < 7; ++i) lines += foreign_line(tenants_[1], "{}", Uuid::v4().to_string());
  foreign_publish(lines);
  ASSERT_TRUE(eventually([&] { return world_.queue(tenants_[1])->ready == 7; }));
  const auto once = run({mtmsgctl_path(), "--endpoint", world_.endpoint(), "-o", "csv", "top", "--once"});
  EXPECT_EQ(once.exit_code, 0) << once.err;
  EXPECT_THAT(once.out, HasSubstr(",beta,paused,2,0,7,0,"));
}

}  // namespace
}  // namespace mtmsg::test
