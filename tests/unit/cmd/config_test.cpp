#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "config/options.hpp"
#include "support/paths.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kServers =
    "[database]\nurl = \"postgresql://app:hidden@db/mtmsg\"\n[broker]\nurl = \"amqp://app:hidden@mq/\"\n";

class ConfigTest : public CommandLineTest {
 protected:
  ConfigTest() : file_(testing::TempDir() + "mtmsgctl_config_" + std::to_string(::getpid()) + ".toml") {
    // Where the servers for other tests are would be the daemon's configuration.
    for (const auto* variable : {"MTMSG_DATABASE_URL", "MTMSG_BROKER_URL"}) ::unsetenv(variable);
  }
  ~ConfigTest() override { std::filesystem::remove(file_); }

  Ran config(std::vector<std::string> words, const std::string& text) {
    std::ofstream(file_, std::ios::binary) << text;
    words.insert(words.begin(), "config");
    words.insert(words.end(), {"--config", file_});
    return run_alone(words);
  }

  std::string file_;
};

TEST_F(ConfigTest, WhatIsInOrderIsSaidToBe) {
  const auto checked = config({"check"}, kServers);
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_EQ(checked.out, "");
  EXPECT_EQ(checked.err, "The configuration in " + file_ + " is in order.\n");
}

TEST_F(ConfigTest, EveryProblemIsToldWithItsPlace) {
  const auto checked = config({"check"}, std::string(kServers) + "[tenants]\nbatsh = 5\nworkers = \"many\"\n");
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.err, HasSubstr(file_ + ":6: unknown key \"tenants.batsh\"; did you mean \"tenants.batch\"?"));
  EXPECT_THAT(checked.err, HasSubstr(file_ + ":7: tenants.workers must be"));
  EXPECT_THAT(checked.err, HasSubstr("2 problems in the configuration"));
}

TEST_F(ConfigTest, ProblemsAreDataForWhoAsksForThem) {
  const auto wrong = config({"check", "-o", "json"}, std::string(kServers) + "[tenants]\nbatsh = 5\n");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.out, HasSubstr(R"("ok":false,"problems":[{"where":")" + file_ + R"(:6","what":"unknown key)"));
  const auto fine = config({"check", "-o", "json"}, kServers);
  EXPECT_EQ(fine.out, R"({"file":")" + file_ + R"(","ok":true,"problems":[]})" + "\n");
}

TEST_F(ConfigTest, FilesThatAreNamedAreLookedAt) {
  const auto checked = config({"check"}, std::string(kServers) + "[auth]\nkeys_dir = \"/nowhere/at/all\"\n");
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.err, HasSubstr("/nowhere/at/all"));
  const auto tls = config(
      {"check"}, std::string(kServers) + "[http]\ntls_cert = \"/nowhere/cert.pem\"\ntls_key = \"/nowhere/key.pem\"\n");
  EXPECT_EQ(tls.code, 1);
  EXPECT_THAT(tls.err, HasSubstr("/nowhere/cert.pem"));
}

TEST_F(ConfigTest, AFileThatWasNamedHasToBeThere) {
  const auto checked = run_alone({"config", "check", "--config", "/nowhere/mtmsgd.toml"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.err, HasSubstr("can't read /nowhere/mtmsgd.toml"));
}

TEST_F(ConfigTest, ShowHasEveryOptionWithItsOrigin) {
  const auto shown = config({"show", "-o", "csv"}, std::string(kServers) + "[tenants]\nbatch = 77\n");
  EXPECT_EQ(shown.code, 0) << shown.err;
  for (const auto& option : config::options()) EXPECT_THAT(shown.out, HasSubstr("\n" + std::string(option.name) + ","));
  EXPECT_THAT(shown.out, HasSubstr("tenants.batch,77," + file_ + ":6,restart\n"));
  EXPECT_THAT(shown.out, HasSubstr("log.level,info,default,reload\n"));
}

TEST_F(ConfigTest, SecretsAreHidden) {
  for (const auto* format : {"table", "json", "ndjson", "csv"}) {
    const auto shown = config({"show", "-o", format}, kServers);
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_THAT(shown.out, Not(HasSubstr("hidden"))) << format;
    EXPECT_THAT(shown.out, HasSubstr("@db/mtmsg")) << format;
  }
}

TEST_F(ConfigTest, ShowTakesOptionsAndSections) {
  const auto one = config({"show", "tenants.batch", "-o", "ndjson"}, kServers);
  EXPECT_EQ(one.out, R"({"option":"tenants.batch","value":"500","origin":"default","change":"restart"})"
                     "\n");
  const auto section = config({"show", "tenants", "-o", "ndjson"}, kServers);
  EXPECT_EQ(std::ranges::count(section.out, '\n'), 3);
  const auto unknown = config({"show", "tenants.batsh"}, kServers);
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there is no option 'tenants.batsh'; did you mean 'tenants.batch'?"));
}

}  // namespace
}  // namespace mtmsg::ctl
