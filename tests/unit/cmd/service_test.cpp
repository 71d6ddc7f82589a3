#include "cmd/service.hpp"

#include <gmock/gmock.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using systemd::JobKind;
using systemd::JobOutcome;
using systemd::UnitStatus;
using testing::HasSubstr;

/// What systemd would answer.
class FakeManager final : public systemd::Manager {
 public:
  Result<UnitStatus> status(const std::string& unit) override {
    if (refusal) return *refusal;
    auto answer = jobs == 0 ? before : after;
    answer.unit = unit;
    return answer;
  }
  Result<JobOutcome> run(JobKind, const std::string&, std::chrono::seconds) override {
    ++jobs;
    if (job_refusal) return *job_refusal;
    return outcome;
  }

  UnitStatus before, after;
  JobOutcome outcome{"done"};
  std::optional<Error> refusal, job_refusal;
  int jobs = 0;
};

UnitStatus loaded(std::string state) {
  UnitStatus status;
  status.load_state = "loaded";
  status.active_state = std::move(state);
  status.sub_state = status.active_state == "active" ? "running" : "dead";
  return status;
}

class ServiceTest : public CommandLineTest {
 protected:
  ServiceTest() { manager.before = manager.after = loaded("inactive"); }

  Ran ran(const std::function<ExitCode(Context&)>& verb, Format format = Format::table) {
    StringSink out, err;
    std::istringstream in;
    Context context({out, err, in}, format, format != Format::table, std::chrono::seconds(1),
                    client::Client(*client::Endpoint::parse(url()), {}));
    const auto code = verb(context);
    return {static_cast<int>(code), out.text, err.text};
  }
  Ran job(JobKind kind) {
    return ran([&](Context& context) {
      return run_service_job(context, manager, kind, "mtmsgd.service", std::chrono::seconds(0));
    });
  }

  FakeManager manager;
};

TEST_F(ServiceTest, WhatIsNotKnownIsNullInJsonAndEmptyElsewhere) {
  const auto shown =
      ran([&](Context& context) { return show_service(context, manager, "mtmsgd.service"); }, Format::json);
  EXPECT_EQ(shown.code, 3);
  EXPECT_EQ(shown.out,
            R"({"unit":"mtmsgd.service","description":"","load_state":"loaded","active_state":"inactive",)"
            R"("sub_state":"dead","enabled":"","since":null,"main_pid":null,"status_text":"","memory_bytes":null,)"
            R"("tasks":null,"restarts":0,"result":"","exit_status":null})"
            "\n");
}

TEST_F(ServiceTest, AStartIsSaidOnStandardErrorOnly) {
  manager.after = loaded("active");
  const auto started = job(JobKind::start);
  EXPECT_EQ(started.code, 0);
  EXPECT_EQ(started.out, "");
  EXPECT_EQ(started.err, "mtmsgd.service is running.\n");
}

TEST_F(ServiceTest, AUnitThatIsNotThereIsNotTouched) {
  manager.before.load_state = "not-found";
  const auto started = job(JobKind::start);
  EXPECT_EQ(started.code, 1);
  EXPECT_THAT(started.err, HasSubstr("systemd knows no unit mtmsgd.service"));
  EXPECT_EQ(manager.jobs, 0);
}

TEST_F(ServiceTest, WhatDoesNotRunIsNotReloaded) {
  const auto reloaded = job(JobKind::reload);
  EXPECT_EQ(reloaded.code, 1);
  EXPECT_THAT(reloaded.err, HasSubstr("nothing to reload"));
  EXPECT_EQ(manager.jobs, 0);
}

TEST_F(ServiceTest, WhoMayNotIsToldToUseSudo) {
  manager.job_refusal = fail(ErrorCode::forbidden, "systemd lets only an administrator do this to mtmsgd.service");
  const auto stopped = job(JobKind::stop);
  EXPECT_EQ(stopped.code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("only an administrator"));
  EXPECT_THAT(stopped.err, HasSubstr("sudo"));
}

TEST_F(ServiceTest, ASystemdThatDoesNotAnswerIsNotReached) {
  manager.refusal = fail(ErrorCode::timeout, "systemd did not answer");
  EXPECT_EQ(job(JobKind::stop).code, 3);
}

TEST_F(ServiceTest, WithoutSystemdEveryVerbSaysWhatThereIsInstead) {
  if (systemd::is_running()) GTEST_SKIP() << "systemd runs this machine";
  for (const char* verb : {"status", "start", "stop", "restart", "reload", "logs"}) {
    const auto refused = run_alone({"service", verb});
    EXPECT_EQ(refused.code, 3) << verb;
    EXPECT_EQ(refused.out, "");
    EXPECT_THAT(refused.err, HasSubstr("systemd does not run this machine"));
    EXPECT_THAT(refused.err, HasSubstr("SIGHUP"));
  }
}

TEST_F(ServiceTest, WrongArgumentsAreRefusedBeforeAnythingIsAsked) {
  EXPECT_THAT(run_alone({"service", "start", "--unit", "a/b"}).err, HasSubstr("'a/b' is no name of a unit"));
  EXPECT_THAT(run_alone({"service", "logs", "--level", "loud"}).err, HasSubstr("'loud' is not one of error"));
  EXPECT_THAT(run_alone({"service", "logs", "--since", "soon"}).err, HasSubstr("'soon' is neither a time"));
  EXPECT_THAT(run_alone({"service", "logs", "-f", "--until", "1h"}).err, HasSubstr("--follow has no end"));
  EXPECT_THAT(run_alone({"service", "logs", "-f", "-o", "json"}).err, HasSubstr("-o ndjson"));
  for (const auto& line : {std::vector<std::string>{"service", "start", "--unit", "a/b"},
                           {"service", "logs", "-f", "--until", "1h"},
                           {"service", "start", "--wait", "soon"}})
    EXPECT_EQ(run_alone(line).code, 2);
}

}  // namespace
}  // namespace mtmsg::ctl
