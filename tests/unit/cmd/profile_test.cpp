#include "cmd/profile.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cmd/globals.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kKeys{"endpoint", "token_file", "timeout", "quiet"};

TEST(Profiles, AreSectionsWithTheOptionsOfTheLine) {
  const auto profiles = parse_profiles(
      "default = \"prod\"\n[prod]\nendpoint = \"https://h\"\ntimeout = 5\nquiet = true\n[test]\nendpoint = "
      "\"unix:/s\"\n",
      "ctl.toml", kKeys);
  ASSERT_TRUE(profiles);
  EXPECT_EQ(profiles->fallback, "prod");
  EXPECT_THAT(profiles->names, testing::ElementsAre("prod", "test"));
  const auto prod = profiles->of("prod").value();
  ASSERT_EQ(prod.size(), 3U);
  EXPECT_EQ(prod[1].key, "timeout");
  EXPECT_EQ(prod[1].text, "5");
  EXPECT_EQ(prod[1].line, 4U);
  EXPECT_THAT(profiles->of("prd").error().message, HasSubstr("no profile 'prd' in ctl.toml; did you mean 'prod'?"));
}

TEST(Profiles, WhatIsWrongIsNamedWithFileAndLine) {
  const auto why = [](std::string_view text) { return parse_profiles(text, "ctl.toml", kKeys).error().message; };
  EXPECT_THAT(why("[p]\n\nendpont = \"x\"\n"),
              HasSubstr("ctl.toml:3: a profile has no key 'endpont'; did you mean 'endpoint'?"));
  EXPECT_THAT(why("endpoint = \"x\"\n"), HasSubstr("ctl.toml:1: 'endpoint' stands outside a profile"));
  EXPECT_THAT(why("[p]\ntimeout = 1.5\n"), HasSubstr("ctl.toml:2: 'timeout' is a text, a whole number, true or false"));
  EXPECT_THAT(why("default = 1\n"), HasSubstr("ctl.toml:1: 'default' is the name"));
  EXPECT_THAT(why("[p\n"), HasSubstr("ctl.toml:1: "));
  EXPECT_THAT(why("[p]\ntoken = \"secret\"\n"), HasSubstr("ctl.toml:2: a profile has no key 'token'"));
}

TEST(Profiles, AFileThatIsNotThereHasNone) {
  EXPECT_TRUE(read_profiles("", kKeys).value().names.empty());
  const auto none = read_profiles("/nonexistent/ctl.toml", kKeys);
  ASSERT_TRUE(none);
  EXPECT_THAT(none->of("prod").error().message, HasSubstr("there is no profile 'prod' in /nonexistent/ctl.toml"));
}

/// A variable for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

class SettledLine : public CommandLineTest {
 protected:
  SettledLine() {
    std::filesystem::create_directories(folder_);
    server.Get("/tenants", [this](const httplib::Request& request, httplib::Response& response) {
      authorization = request.get_header_value("Authorization");
      response.set_content(R"({"data":[)" + tenant_json() + "]}", "application/json");
    });
  }
  ~SettledLine() override { std::filesystem::remove_all(folder_); }

  void profiles(const std::string& text) { file("ctl.toml", text); }
  void file(const std::string& name, const std::string& text) { std::ofstream(folder_ + "/" + name) << text; }

  /// With the profiles.
  Ran run_with(const std::vector<std::string>& args) {
    StringSink out, err;
    std::istringstream in;
    const auto code = run(args, Surroundings{out, err, in}, folder_ + "/ctl.toml");
    return {static_cast<int>(code), out.text, err.text};
  }
  Ran run_there(std::vector<std::string> args) {
    args.insert(args.begin(), {"--endpoint", url()});
    return run_with(args);
  }
  void serve() { run_line({"--version"}); }

  const std::string folder_ = testing::TempDir() + "mtmsgctl-" + std::to_string(::getpid());
  std::string authorization;
};

TEST_F(SettledLine, AProfileGivesWhatTheLineDoesNot) {
  file("app.token", "secret\n");
  profiles("default = \"here\"\n[here]\nendpoint = \"" + url() +
           "\"\ntoken_file = \"app.token\"\nformat = \"ndjson\"\n"
           "[away]\nendpoint = \"unix:/nonexistent\"\n");
  serve();
  const auto ran = run_with({"tenant", "list"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, testing::StartsWith("{\"id\""));
  EXPECT_EQ(authorization, "Bearer secret") << "the file is looked for beside the profiles";
  EXPECT_THAT(run_with({"tenant", "list", "-o", "csv"}).out, testing::StartsWith("name,"));
  EXPECT_EQ(run_with({"tenant", "list", "--profile", "away"}).code, 3);
}

TEST_F(SettledLine, TheLineComesBeforeVariablesAndTheseBeforeTheProfile) {
  profiles("[here]\nendpoint = \"" + url() + "\"\nformat = \"csv\"\n");
  serve();
  const Variable profile("MTMSGCTL_PROFILE", "here");
  EXPECT_THAT(run_with({"tenant", "list"}).out, testing::StartsWith("name,"));
  const Variable format("MTMSGCTL_FORMAT", "ndjson");
  EXPECT_THAT(run_with({"tenant", "list"}).out, testing::StartsWith("{\"id\""));
  EXPECT_THAT(run_with({"tenant", "list", "-o", "json"}).out, testing::StartsWith("{\"data\""));
}

TEST_F(SettledLine, AnotherEndpointDoesNotGetTheDefaultProfilesToken) {
  serve();
  file("app.token", "secret\n");
  profiles("default = \"prod\"\n[prod]\nendpoint = \"https://prod.example\"\ntoken_file = \"app.token\"\n");
  const auto ran = run_there({"tenant", "list"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(authorization, "");
  EXPECT_EQ(run_there({"tenant", "list", "--profile", "prod"}).code, 0);
  EXPECT_EQ(authorization, "Bearer secret") << "who names the profile means it";
}

TEST_F(SettledLine, ProfilesAreCompleted) {
  profiles("[prod]\n[test]\n");
  EXPECT_EQ(run_with({"__complete", "--", "--profile", "p"}).out, "prod\n");
  EXPECT_EQ(run_with({"__complete", "--", "--profile=", "tenant"}).out,
            "tenant\tCreate, list, show, change and delete tenants\n");
  EXPECT_EQ(run_with({"__complete", "--", "--profile="}).out, "--profile=prod\n--profile=test\n");
}

TEST_F(SettledLine, WhatIsWrongInAVariableOrAProfileIsNamedAndNothingIsAsked) {
  profiles("[slow]\ntimeout = 0\n[odd]\nformat = \"yaml\"\n");
  serve();
  {
    const Variable timeout("MTMSGCTL_TIMEOUT", "soon");
    const auto ran = run_there({"tenant", "list"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr("MTMSGCTL_TIMEOUT: 'soon' is not a whole number"));
    EXPECT_EQ(run_there({"tenant", "list", "--timeout", "5"}).code, 0) << "what the line says is not looked for";
  }
  EXPECT_THAT(run_there({"tenant", "list", "--profile", "slow"}).err,
              HasSubstr("ctl.toml:2: '0' is not a whole number"));
  EXPECT_THAT(run_there({"tenant", "list", "--profile", "odd"}).err, HasSubstr("ctl.toml:4: "));
  EXPECT_EQ(run_there({"tenant", "list", "--profile", "odd"}).code, 2);
  EXPECT_THAT(run_there({"tenant", "list", "--profile", "solw"}).err, HasSubstr("did you mean 'slow'?"));
}

TEST_F(SettledLine, ATokenComesFromADescriptorOnce) {
  serve();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "from-a-pipe\n", 12), 12);
  ::close(ends[1]);
  EXPECT_EQ(run_there({"tenant", "list", "--token-fd", std::to_string(ends[0])}).code, 0);
  EXPECT_EQ(authorization, "Bearer from-a-pipe");
  EXPECT_THAT(run_there({"tenant", "list", "--token-fd", std::to_string(ends[0])}).err, HasSubstr("holds no token"));
  ::close(ends[0]);
  EXPECT_THAT(run_there({"tenant", "list", "--token-fd", std::to_string(ends[0])}).err, HasSubstr("cannot be read"));
  file("app.token", "secret\n");
  EXPECT_EQ(run_there({"tenant", "list", "--token-fd", "0", "--token-file", folder_ + "/app.token"}).code, 2);
}

TEST_F(SettledLine, AnOptionOfTheLineTakesThePlaceOfTheOtherWayToAToken) {
  serve();
  file("app.token", "secret\n");
  profiles("[here]\ntoken_fd = 99\n");
  EXPECT_EQ(run_there({"tenant", "list", "--profile", "here", "--token-file", folder_ + "/app.token"}).code, 0);
  EXPECT_EQ(authorization, "Bearer secret");
}

TEST_F(CommandLineTest, ATenantThatIsNotThereIsAnsweredWithTheNearestName) {
  server.Get("/tenants", says(R"({"data":[)" + tenant_json() + "]}"));
  server.Get(R"(/tenants/(\w+))", [](const httplib::Request& request, httplib::Response& response) {
    response.status = 404;
    response.set_content(
        R"({"detail":"tenant \")" + request.matches[1].str() + R"(\" does not exist","code":"not_found"})",
        "application/problem+json");
  });
  const auto ran = run_line({"tenant", "show", "amce"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "mtmsgctl: error: tenant \"amce\" does not exist\nDid you mean 'acme'?\n");
  EXPECT_EQ(run_line({"tenant", "show", "zebra"}).err, "mtmsgctl: error: tenant \"zebra\" does not exist\n");
}

}  // namespace
}  // namespace mtmsg::ctl
