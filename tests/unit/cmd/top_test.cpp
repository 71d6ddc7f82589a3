// mtmsgctl top for scripts. On a terminal: tests/integration/top_test.cpp.

#include <gmock/gmock.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Top : public CommandLineTest {
 protected:
  Top() {
    server.Get("/activity", [this](const httplib::Request& request, httplib::Response& response) {
      asked = request.params;
      ++looks;
      response.set_content(
          std::string(R"({"at":"2026-01-31T12:00:00.5Z","version":"0.1.0","ready":true,"not_ready":"","writers":4,)"
                      R"("writers_busy":1,"daemons":1,"total":{"tenants":)") +
              tenants + R"(,"workers":3},"data":[{"id":")" + kId +
              R"(","name":"acme","state":"draining","workers":3,"workers_busy":1,"ready":120,"unacked":500,)"
              R"("in_per_second":0.0,"out_per_second":1180.5,"lag_seconds":0.5,"messages":7,"dead_letters":3,)"
              R"("last_stored_at":null}]})",
          "application/json");
    });
  }
  std::string tenants = "1";
  httplib::Params asked;
  int looks = 0;
};

TEST_F(Top, OncePrintsOneLookAsATable) {
  const auto ran = run_line({"top", "--once"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "NAME  STATE     READY  HAND  IN/S  OUT/S  BUSY   LAG  DEAD\n"
            "acme  draining    120   500     0   1180   1/3  0.5s     3\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(looks, 1);
}

TEST_F(Top, OnceAsksForWhatWasChosen) {
  run_line({"top", "--once", "--sort", "lag", "--reverse", "--filter", "eu-", "--limit", "7"});
  EXPECT_EQ(asked.find("sort")->second, "lag");
  EXPECT_EQ(asked.find("reverse")->second, "true");
  EXPECT_EQ(asked.find("name")->second, "eu-");
  EXPECT_EQ(asked.find("limit")->second, "7");
}

TEST_F(Top, OnceSaysWhenThereIsMore) {
  tenants = "5000";
  EXPECT_THAT(run_line({"top", "--once"}).err, HasSubstr("1 of 5,000 tenants"));
}

TEST_F(Top, GivesScriptsEveryFieldWithItsTime) {
  EXPECT_EQ(run_line({"-o", "csv", "top", "--once"}).out,
            "at,id,name,state,workers,workers_busy,ready,unacked,in_per_second,out_per_second,lag_seconds,messages,"
            "dead_letters,last_stored_at\n"
            "2026-01-31T12:00:00.500000Z," +
                std::string(kId) + ",acme,draining,3,1,120,500,0.0,1180.5,0.5,7,3,\n");
  EXPECT_THAT(run_line({"-o", "ndjson", "top", "--once"}).out,
              StartsWith(R"({"at":"2026-01-31T12:00:00.500000Z","id":")"));
  EXPECT_THAT(run_line({"-o", "json", "top", "--once"}).out, HasSubstr(R"("total":{"tenants":1)"));
}

TEST_F(Top, BatchPrintsLookAfterLookAndCsvsNamesOnce) {
  const auto ran = run_line({"-o", "csv", "top", "--batch", "--count", "2", "--interval", "1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3);
  EXPECT_EQ(ran.out.find("at,id"), 0U);
  EXPECT_EQ(ran.out.find("at,id", 1), std::string::npos);
}

TEST_F(Top, BatchAsATableSaysWhenEachLookWas) {
  const auto ran = run_line({"top", "--batch", "--count", "1"});
  EXPECT_THAT(ran.out, StartsWith("2026-01-31T12:00:00Z  1 tenant, ready\nNAME "));
}

TEST_F(Top, WithoutATerminalSaysHowToGoOn) {
  const auto ran = run_line({"top"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--once and --batch"));
  EXPECT_EQ(looks, 0);
}

TEST_F(Top, RefusesWhatDoesNotGoTogether) {
  EXPECT_EQ(run_line({"top", "--once", "--batch"}).code, 2);
  EXPECT_EQ(run_line({"top", "--once", "--count", "2"}).code, 2);
  EXPECT_EQ(run_line({"top", "--once", "--limit", "1001"}).code, 2);
  const auto ran = run_line({"top", "--once", "--sort", "size"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("name, state, depth"));
  EXPECT_EQ(looks, 0);
}

}  // namespace
}  // namespace mtmsg::ctl
