#include "cmd/systemd/verdict.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace mtmsg::ctl::systemd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

UnitStatus unit_that_is(std::string active, std::string sub, std::string result = "success") {
  UnitStatus status;
  status.unit = "mtmsgd.service";
  status.load_state = "loaded";
  status.active_state = std::move(active);
  status.sub_state = std::move(sub);
  status.result = std::move(result);
  return status;
}

UnitStatus unit_that_exited_with(int exit_status) {
  auto status = unit_that_is("failed", "failed", "exit-code");
  status.exit_code = CLD_EXITED;
  status.exit_status = exit_status;
  return status;
}

Verdict verdict(JobKind kind, const char* result, const std::optional<UnitStatus>& after) {
  return verdict_of(kind, "mtmsgd.service", {std::string(result)}, after);
}

TEST(Verdict, AStartThatIsDoneNamesTheProcess) {
  auto after = unit_that_is("active", "running");
  after.main_pid = 42;
  const auto said = verdict(JobKind::start, "done", after);
  EXPECT_EQ(said.code, ExitCode::done);
  EXPECT_EQ(said.text, "mtmsgd.service is running (process 42).");
  EXPECT_EQ(said.next_step, "");
}

TEST(Verdict, AStartWhoseProcessEndedAtOnceIsNotDone) {
  const auto said = verdict(JobKind::start, "done", unit_that_exited_with(1));
  EXPECT_EQ(said.code, ExitCode::refused);
  EXPECT_EQ(said.text, "mtmsgd.service was started, and is failed: its process ended with status 1");
}

TEST(Verdict, AStartThatFailedSaysHowAndWhereToLook) {
  const auto said = verdict(JobKind::start, "failed", unit_that_exited_with(1));
  EXPECT_EQ(said.code, ExitCode::refused);
  EXPECT_EQ(said.text, "the start of mtmsgd.service ended with 'failed': its process ended with status 1");
  EXPECT_EQ(said.next_step, "'mtmsgctl service logs' tells why.");
}

TEST(Verdict, StatusTwoIsAWrongConfiguration) {
  EXPECT_THAT(verdict(JobKind::restart, "failed", unit_that_exited_with(2)).next_step,
              HasSubstr("mtmsgctl config check"));
  auto killed = unit_that_exited_with(2);
  killed.exit_code = CLD_KILLED;
  killed.result = "signal";
  EXPECT_EQ(verdict(JobKind::restart, "failed", killed).next_step, "'mtmsgctl service logs' tells why.");
}

TEST(Verdict, WhatWasStartedTooOftenHasToBeReset) {
  EXPECT_THAT(verdict(JobKind::start, "failed", unit_that_is("failed", "failed", "start-limit-hit")).next_step,
              HasSubstr("systemctl reset-failed mtmsgd.service"));
}

TEST(Verdict, EveryResultOfSystemdIsSaid) {
  for (const char* result : {"canceled", "timeout", "failed", "dependency", "skipped", "collected", "once", "frozen"}) {
    const auto said = verdict(JobKind::start, result, std::nullopt);
    EXPECT_EQ(said.code, ExitCode::refused);
    EXPECT_THAT(said.text, HasSubstr("'" + std::string(result) + "'"));
  }
}

TEST(Verdict, AJobNobodyWaitedForIsPartlyDone) {
  const auto said = verdict_of(JobKind::start, "mtmsgd.service", {}, unit_that_is("activating", "start"));
  EXPECT_EQ(said.code, ExitCode::partly);
  EXPECT_EQ(said.text, "the start of mtmsgd.service has not ended yet (activating, start); systemd goes on with it");
}

TEST(Verdict, AStopThatHadToKillIsDoneAndSaysSo) {
  EXPECT_EQ(verdict(JobKind::stop, "done", unit_that_is("inactive", "dead")).text, "mtmsgd.service is stopped.");
  const auto said = verdict(JobKind::stop, "done", unit_that_is("failed", "failed", "timeout"));
  EXPECT_EQ(said.code, ExitCode::done);
  EXPECT_EQ(said.text, "mtmsgd.service is stopped; it took longer than the unit allows.");
}

TEST(ServiceState, ExitCodesTellRunningStoppedAndUnknownApart) {
  EXPECT_EQ(exit_code_of(unit_that_is("active", "running")), ExitCode::done);
  EXPECT_EQ(exit_code_of(unit_that_is("reloading", "reload")), ExitCode::done);
  for (const char* state : {"inactive", "failed", "activating", "deactivating"})
    EXPECT_EQ(exit_code_of(unit_that_is(state, "dead")), ExitCode::unreachable) << state;
  auto unknown = unit_that_is("inactive", "dead");
  unknown.load_state = "not-found";
  EXPECT_EQ(exit_code_of(unknown), ExitCode::refused);
}

TEST(ServiceState, WhatDoesNotRunHasANextStep) {
  EXPECT_EQ(next_step_for(unit_that_is("active", "running")), "");
  EXPECT_THAT(next_step_for(unit_that_is("inactive", "dead")), HasSubstr("service start"));
  EXPECT_THAT(next_step_for(unit_that_is("failed", "failed", "signal")), HasSubstr("service logs"));
  EXPECT_THAT(next_step_for(unit_that_is("activating", "auto-restart", "exit-code")), HasSubstr("starts it again"));
}

JournalEntry entry_of(std::string event, std::vector<std::pair<std::string, std::string>> fields,
                      std::string message = "") {
  JournalEntry entry;
  entry.event = std::move(event);
  entry.fields = std::move(fields);
  entry.message = std::move(message);
  return entry;
}

TEST(ReloadReport, TellsWhatWasTakenOverAndWhatWasNot) {
  ReloadReport report;
  report.see(entry_of("stored", {}));
  EXPECT_FALSE(report.told());
  report.see(entry_of("reloaded", {{"changed", "log.level"}}));
  report.see(entry_of("restart_needed", {{"options", "tenants.batch"}}));
  EXPECT_TRUE(report.told());
  EXPECT_FALSE(report.refused());
  EXPECT_THAT(report.lines(), ElementsAre("Taken over: log.level.", "Only a restart takes these over: tenants.batch."));
}

TEST(ReloadReport, AWrongConfigurationIsARefusalWithItsProblems) {
  ReloadReport report;
  report.see(entry_of("bad_configuration", {}, "mtmsgd.toml:7: unknown key"));
  EXPECT_FALSE(report.told());
  report.see(entry_of("not_reloaded", {}, "nothing was changed: the configuration is wrong"));
  EXPECT_TRUE(report.refused());
  EXPECT_THAT(report.lines(),
              ElementsAre("mtmsgd.toml:7: unknown key", "nothing was changed: the configuration is wrong"));
}

}  // namespace
}  // namespace mtmsg::ctl::systemd
