#include "daemon/options.hpp"

#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::daemon {
namespace {

using Action = CommandLine::Action;
using ::testing::HasSubstr;
using ::testing::Not;

struct Parsed {
  CommandLine line;
  std::string out;
  std::string err;
};

Parsed parse(std::vector<const char*> arguments, const config::Environment& environment = {}) {
  arguments.insert(arguments.begin(), "mtmsgd");
  std::ostringstream out;
  std::ostringstream err;
  auto line = parse_command_line(static_cast<int>(arguments.size()), arguments.data(), environment, out, err);
  return {line, out.str(), err.str()};
}

TEST(CommandLine, RunsWithTheUsualFileWhichMayBeMissing) {
  const auto parsed = parse({});
  EXPECT_EQ(parsed.line.action, Action::run);
  EXPECT_EQ(parsed.line.config_file, "/etc/mtmsg/mtmsgd.toml");
  EXPECT_EQ(parsed.line.config_rule, config::FileRule::optional);
}

TEST(CommandLine, InsistsOnAFileThatWasNamed) {
  for (const auto& parsed : {parse({"--config", "/x"}), parse({"--config=/x"}), parse({"-c", "/x"}),
                             parse({}, {{"MTMSG_CONFIG", "/x"}}), parse({"-c", "/x"}, {{"MTMSG_CONFIG", "/y"}})}) {
    EXPECT_EQ(parsed.line.config_file, "/x");
    EXPECT_EQ(parsed.line.config_rule, config::FileRule::required);
  }
  EXPECT_EQ(parse({}, {{"MTMSG_CONFIG", ""}}).line.config_rule, config::FileRule::optional);
}

TEST(CommandLine, ChecksTheConfiguration) {
  EXPECT_EQ(parse({"--check-config"}).line.action, Action::check_config);
}

TEST(CommandLine, SaysItsVersionAndItsHelpOnStandardOutput) {
  const auto version = parse({"--version"});
  EXPECT_EQ(version.line.action, Action::leave);
  EXPECT_EQ(version.line.exit_code, kExitDone);
  EXPECT_THAT(version.out, ::testing::MatchesRegex("mtmsgd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  const auto help = parse({"--help"});
  EXPECT_EQ(help.line.exit_code, kExitDone);
  EXPECT_EQ(help.err, "");
  for (const char* part : {"--config", "--check-config", "--version", "Examples:", "Exit codes: 0", "mtmsgd.toml(5)"}) {
    EXPECT_THAT(help.out, HasSubstr(part));
  }
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  for (const auto& parsed : {parse({"--confg", "/x"}), parse({"run"}), parse({"--config"}), parse({"--config", ""})}) {
    EXPECT_EQ(parsed.line.action, Action::leave);
    EXPECT_EQ(parsed.line.exit_code, kExitUsage);
    EXPECT_EQ(parsed.out, "");
    EXPECT_NE(parsed.err, "");
  }
  EXPECT_THAT(parse({"--confg=/x"}).err, HasSubstr("Did you mean --config?\n"));
}

TEST(CheckConfig, LooksAtTheKeys) {
  const config::Environment around{{"MTMSG_DATABASE_URL", "postgresql://h/"}, {"MTMSG_BROKER_URL", "amqp://h/"}};
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_config(config::load_text("[auth]\nkeys_dir = \"/nowhere/keys\"\n", "m.toml", around), out, err),
            kExitUsage);
  EXPECT_THAT(err.str(), HasSubstr("auth.keys_dir: can't read the directory /nowhere/keys"));
  EXPECT_EQ(out.str(), "");
}

TEST(CheckConfig, PrintsWhatWouldRunOrEveryProblem) {
  std::ostringstream out;
  std::ostringstream err;
  const config::Environment urls{{"MTMSG_DATABASE_URL", "postgresql://h/"}, {"MTMSG_BROKER_URL", "amqp://g:s3cret@h/"}};
  EXPECT_EQ(check_config(config::load_text("", "m.toml", urls), out, err), kExitDone);
  EXPECT_THAT(out.str(), HasSubstr("[tenants]\nworkers = 3\n"));
  EXPECT_THAT(out.str(), Not(HasSubstr("s3cret")));
  EXPECT_EQ(err.str(), "");
  out.str("");
  EXPECT_EQ(check_config(config::load_text("[htp]\n", "m.toml", {}), out, err), kExitUsage);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("mtmsgd: m.toml:1: unknown section \"htp\"; did you mean \"http\"?\n"));
  EXPECT_THAT(err.str(), HasSubstr("mtmsgd: 3 problems in the configuration"));
}

}  // namespace
}  // namespace mtmsg::daemon
