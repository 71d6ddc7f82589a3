#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The daemon and RabbitMQ's management API, on one small server.
class CredentialsTest : public CommandLineTest {
 protected:
  CredentialsTest() : folder_("/tmp/mtmsg-credentials-" + std::to_string(getpid())) {
    write("admin", "secret\n");
    server.Get("/tenants/acme", says(detail_json()));
    server.Get(R"(/api/users/(.*))", [this](const httplib::Request& request, httplib::Response& response) {
      take(request);
      if (user_exists) {
        response.set_content(R"({"name":"app","tags":[]})", "application/json");
        return;
      }
      response.status = 404;
      response.set_content(R"({"error":"Object Not Found","reason":"Not Found"})", "application/json");
    });
    server.Put(R"(/api/(.*))", [this](const httplib::Request& request, httplib::Response& response) {
      take(request);
      response.status = put_status;
      if (put_status >= 400)
        response.set_content(R"({"error":"bad_request","reason":"user does not exist"})", "application/json");
    });
  }
  ~CredentialsTest() override {
    for (const auto& file : files_) unlink(file.c_str());
  }

  void take(const httplib::Request& request) {
    authorization = request.get_header_value("Authorization");
    calls.push_back(request.method + " " + request.path);
    bodies.push_back(request.body);
  }
  std::string write(const std::string& name, const std::string& text) {
    files_.push_back(folder_ + "-" + name);
    std::ofstream(files_.back()) << text;
    return files_.back();
  }
  Ran apply(const std::vector<std::string>& more) { return apply_at(url(), more); }
  Ran apply_at(const std::string& address, const std::vector<std::string>& more) {
    std::vector<std::string> args{"tenant",
                                  "credentials",
                                  "acme",
                                  "--user",
                                  "app",
                                  "--apply",
                                  "--management-user",
                                  "root",
                                  "--management-password-file",
                                  files_.front(),
                                  "--management-url",
                                  address};
    args.insert(args.end(), more.begin(), more.end());
    return run_line(args);
  }

  std::vector<std::string> calls;
  std::vector<std::string> bodies;
  std::string authorization;
  bool user_exists = false;
  int put_status = 201;

 private:
  std::string folder_;
  std::vector<std::string> files_;
};

const std::string kWrite = std::string("^tenant_") + kId + "$";

TEST_F(CredentialsTest, PrintsTheCommandThatLetsAUserPublishToOneExchangeAndNothingElse) {
  const auto ran = run_line({"tenant", "credentials", "acme", "--user", "app"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "rabbitmqctl set_permissions -p '/' 'app' '^$' '" + kWrite + "' '^$'\n");
  const auto made = run_line({"tenant", "credentials", "acme", "--user", "app", "--create", "--vhost", "prod"});
  EXPECT_EQ(made.out.find("rabbitmqctl add_user 'app'\nrabbitmqctl set_permissions -p 'prod'"), 0U) << made.out;
  EXPECT_THAT(made.err, HasSubstr("standard input"));
  EXPECT_THAT(run_line({"tenant", "credentials", "acme", "--user", "app", "-o", "json"}).out,
              HasSubstr(R"("write":")" + kWrite + R"(","read":"^$","applied":false)"));
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(CredentialsTest, AHostileNameIsQuotedForTheShell) {
  const auto ran = run_line({"tenant", "credentials", "acme", "--user", "a'; rm -rf /; '", "--vhost", "$(id)"});
  EXPECT_EQ(ran.out, "rabbitmqctl set_permissions -p '$(id)' 'a'\\''; rm -rf /; '\\''' '^$' '" + kWrite + "' '^$'\n");
}

TEST_F(CredentialsTest, AppliesThroughTheManagementApi) {
  const auto ran = apply({});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(calls, ElementsAre("PUT /api/permissions///app"));
  EXPECT_EQ(bodies.back(), R"({"configure":"^$","write":")" + kWrite + R"(","read":"^$"})");
  EXPECT_EQ(authorization, "Basic cm9vdDpzZWNyZXQ=");
  EXPECT_THAT(ran.out, Not(HasSubstr("password")));
}

TEST_F(CredentialsTest, MakesAUserWithAPasswordThatIsShownOnce) {
  const auto ran = apply({"--create", "-o", "json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(calls, ElementsAre("GET /api/users/app", "PUT /api/users/app", "PUT /api/permissions///app"));
  const auto begin = bodies[1].find(':') + 2;
  const auto password = bodies[1].substr(begin, bodies[1].find('"', begin) - begin);
  EXPECT_EQ(password.size(), 64U) << bodies[1];
  EXPECT_EQ(bodies[1], R"({"password":")" + password + R"(","tags":""})");
  EXPECT_THAT(ran.out, HasSubstr(R"("password":")" + password + "\""));
  EXPECT_THAT(ran.err, Not(HasSubstr(password)));
}

TEST_F(CredentialsTest, TakesThePasswordOfTheNewUserFromAFile) {
  const auto ran = apply({"--create", "--password-file", write("user", "top \"secret\"\n")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(bodies[1], R"({"password":"top \"secret\"","tags":""})");
  EXPECT_THAT(ran.out, Not(HasSubstr("secret")));
}

TEST_F(CredentialsTest, AUserThatExistsKeepsItsPassword) {
  user_exists = true;
  const auto ran = apply({"--create"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("the user app exists already"));
  EXPECT_THAT(calls, ElementsAre("GET /api/users/app"));
}

TEST_F(CredentialsTest, ARefusalHasRabbitMqsReason) {
  put_status = 400;
  const auto ran = apply({});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("bad_request: user does not exist"));
  EXPECT_THAT(ran.err, HasSubstr("--create"));
  put_status = 401;
  EXPECT_THAT(apply({}).err, HasSubstr("--management-password-file"));
}

TEST_F(CredentialsTest, AnApiThatDoesNotAnswerIsNamedWithTheWayOut) {
  const auto ran = apply_at("http://127.0.0.1:1", {});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("cannot reach RabbitMQ's management API at http://127.0.0.1:1"));
  EXPECT_THAT(ran.err, HasSubstr("rabbitmq-plugins enable rabbitmq_management"));
}

TEST_F(CredentialsTest, WrongLinesAskNothing) {
  const auto wrong = [&](std::vector<std::string> more) {
    std::vector<std::string> args{"tenant", "credentials", "acme"};
    args.insert(args.end(), more.begin(), more.end());
    const auto ran = run_line(args);
    EXPECT_EQ(ran.code, 2) << testing::PrintToString(more) << ran.err;
    return ran.err;
  };
  EXPECT_THAT(wrong({}), HasSubstr("--user"));
  wrong({"--user", ""});
  wrong({"--user", "-x"});
  wrong({"--user", "a\nb"});
  wrong({"--user", "app", "--apply"});
  wrong({"--user", "app", "--management-url", "http://h:1"});
  wrong({"--user", "app", "--password-file", "/dev/null"});
  wrong({"--user", "app", "--apply", "--management-url", "http://h:1", "--management-user", "u",
         "--management-password-file", "/nonexistent"});
  wrong({"--user", "app", "--apply", "--management-url", "ftp://h:1", "--management-user", "u",
         "--management-password-file", "/etc/hostname"});
  EXPECT_THAT(calls, IsEmpty());
}

}  // namespace
}  // namespace mtmsg::ctl
