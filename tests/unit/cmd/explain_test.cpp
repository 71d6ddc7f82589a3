#include <gmock/gmock.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;

std::string explanation(const std::string& counts) {
  return std::string(R"({"tenant_id":")") + kId +
         R"(","name":"acme","verdict":"blocked","findings":[{"code":"paused","severity":"blocked",)"
         R"("what":"It is paused; 1200 messages wait in its queue, and this sentence goes on for so long that it has to be broken.",)"
         R"("advice":"mtmsgctl tenant resume acme"},{"code":"dead_letters","severity":"note","what":"3 messages could )"
         R"(not be stored and are dead letters.","advice":"mtmsgctl dead-letter list acme"}],)"
         R"("consuming":false,"workers":3,"workers_busy":0,"unacked":0,"delivered_per_second":0.0,)"
         R"("settled_per_second":1234.5,)" +
         counts + "}";
}
const std::string kCounted =
    R"("queue":{"ready":1200,"consumers":0},"messages":5000,"dead_letters":3,"last_stored_at":"2026-01-31T12:00:00.5Z")";

class Explain : public CommandLineTest {
 protected:
  void serve(const std::string& body) { server.Get("/tenants/acme/explain", says(body)); }
};

TEST_F(Explain, ShowsOneScreenThatFitsInEightyColumns) {
  serve(explanation(kCounted));
  const auto ran = run_line({"explain", "acme"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "acme: its messages do not arrive\n"
            "\n"
            "blocked  It is paused; 1200 messages wait in its queue, and this sentence goes\n"
            "         on for so long that it has to be broken.\n"
            "         mtmsgctl tenant resume acme\n"
            "\n"
            "note     3 messages could not be stored and are dead letters.\n"
            "         mtmsgctl dead-letter list acme\n"
            "\n"
            "waiting in queue: 1,200 (0 consumers)\n"
            "in hand:          0 (0 of 3 workers busy)\n"
            "coming in:        0/s\n"
            "stored:           1,235/s, 5,000 altogether\n"
            "last stored at:   2026-01-31T12:00:00Z\n"
            "dead letters:     3\n");
}

TEST_F(Explain, SaysWhatIsNotKnown) {
  serve(explanation(R"("queue":null,"messages":null,"dead_letters":null,"last_stored_at":null)"));
  const auto ran = run_line({"explain", "acme"});
  EXPECT_THAT(ran.out, HasSubstr("waiting in queue: not known\n"));
  EXPECT_THAT(ran.out, HasSubstr("last stored at:   not known\n"));
}

TEST_F(Explain, GivesScriptsTheDocumentOrAFindingALine) {
  serve(explanation(kCounted));
  EXPECT_THAT(run_line({"-o", "json", "explain", "acme"}).out, HasSubstr(R"("verdict":"blocked")"));
  const auto lines = run_line({"-o", "ndjson", "explain", "acme"}).out;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_THAT(run_line({"-o", "csv", "explain", "acme"}).out,
              HasSubstr("code,severity,what,advice\npaused,blocked,\"It is paused; 1200"));
}

TEST_F(Explain, NeverLetsATenantsTextSteerTheTerminal) {
  auto body = explanation(kCounted);
  body.replace(body.find("It is paused"), 5, R"(\u001b[2J)");
  serve(body);
  EXPECT_EQ(run_line({"explain", "acme"}).out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace mtmsg::ctl
