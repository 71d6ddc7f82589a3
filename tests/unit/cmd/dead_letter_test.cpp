#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cmd/command_line_fixture.hpp"
#include "wire/replay.hpp"

namespace mtmsg::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto kLetters = "/tenants/acme/dead-letters";

std::string letter_json(int seq, const std::string& more = "") {
  return "{\"seq\":" + std::to_string(seq) + R"(,"id":")" + kId + R"(","tenant_id":")" + kId +
         R"(","reason":"invalid_json","detail":"it is bad","sqlstate":null,"deliveries":2,"tries":0,"body_bytes":4,)"
         R"("headers":{"a":1},"exchange":"","routing_key":"","published_at":null,"failed_at":"2026-01-31T12:00:00.5Z",)"
         R"("tried_at":null,"replayed_at":null)" +
         more + "}";
}

/// A daemon with dead letters 1 to `last`, of which those divisible by `bad` are refused again.
class DeadLetterTest : public CommandLineTest {
 protected:
  void replayable(int last, int bad) {
    server.Post("/tenants/acme/dead-letters/replay", [=, this](const auto& request, auto& response) {
      requests.push_back(request.body);
      const auto wanted = wire::read_replay_request(request.body).value();
      wire::ReplayReport report;
      report.dry_run = wanted.dry_run;
      const auto add = [&](Sequence seq) {
        const auto id = MessageId::parse(kId).value();
        if (wanted.dry_run)
          report.add({seq, wire::ReplayLine::Outcome::would_be_tried, id, {}});
        else if (seq.value > last)
          report.add({seq, wire::ReplayLine::Outcome::skipped, {}, {}});
        else if (seq.value % bad == 0)
          report.add({seq, wire::ReplayLine::Outcome::refused, id, {DeadReason::too_large, "still bad", ""}});
        else
          report.add({seq, wire::ReplayLine::Outcome::stored, id, {}});
        report.next_cursor = seq;
      };
      for (const auto seq : wanted.seqs) add(seq);
      if (wanted.seqs.empty()) {
        const auto end = std::min<std::int64_t>(last, wanted.selection.cursor.value + *wanted.selection.limit);
        for (auto seq = wanted.selection.cursor.value + 1; seq <= end; ++seq) add(Sequence{seq});
        report.has_more = end < last;
      }
      std::string out;
      wire::append_replay_report(out, report);
      response.set_content(out, "application/json");
    });
  }
  void purgeable(int count) {
    server.Get("/tenants/acme", says(detail_json()));
    server.Delete(R"(/tenants/[^/]+/dead-letters(/\d+)?)", [=, this](const auto& request, auto& response) {
      requests.push_back(request.target);
      if (request.matches[1].matched) {
        response.status = std::stoi(request.matches[1].str().substr(1)) <= count ? 204 : 404;
        if (response.status == 404)
          response.set_content(R"({"detail":"not there","code":"not_found","status":404})", "application/problem+json");
      } else if (request.get_param_value("dry_run") == "true") {
        response.set_content("{\"deleted\":0,\"would_delete\":" + std::to_string(count) + "}", "application/json");
      } else {
        const auto limit = request.has_param("limit") ? std::stoi(request.get_param_value("limit")) : count;
        response.set_content("{\"deleted\":" + std::to_string(std::min(limit, 2)) + ",\"has_more\":true}",
                             "application/json");
      }
    });
  }
  std::vector<std::string> requests;
};

TEST_F(DeadLetterTest, ListShowsWhatFailedAndWhy) {
  std::string asked;
  server.Get(kLetters, [&](const httplib::Request& request, httplib::Response& response) {
    asked = request.target;
    response.set_content("{\"data\":[" + letter_json(5) + "],\"next_cursor\":\"5\",\"has_more\":true}",
                         "application/json");
  });
  const auto table = run_line({"dead-letter", "list", "acme", "--reason", "expired", "--since", "2026-01-31T00:00:00Z",
                               "--not-replayed", "--cursor", "4", "--limit", "9"});
  EXPECT_EQ(asked, std::string(kLetters) +
                       "?reason=expired&since=2026-01-31T00%3A00%3A00.000000Z&replayed=false&cursor=4&limit=9");
  EXPECT_EQ(table.out, std::string("SEQ  REASON        DETAIL     DELIVERIES  FAILED AT             ID") +
                           std::string(36, ' ') + "REPLAYED\n  5  invalid_json  it is bad           2  " +
                           "2026-01-31T12:00:00Z  " + kId + "  no\n");
  EXPECT_EQ(table.err, "next cursor: 5\n");
  EXPECT_EQ(table.code, 0);
  const auto csv = run_line({"dead-letter", "list", "--tenant", "acme", "--replayed", "-o", "csv"});
  EXPECT_THAT(asked, testing::EndsWith("?replayed=true"));
  EXPECT_THAT(csv.out, HasSubstr("exchange,routing_key,headers,body_bytes\n"));
  EXPECT_THAT(csv.out, HasSubstr("\"{\"\"a\"\":1}\",4\n"));
  EXPECT_EQ(run_line({"dead-letter", "list", "acme", "-o", "ndjson"}).out, letter_json(5) + "\n");
}

TEST_F(DeadLetterTest, ShowPrintsTextAndKeepsOtherBytesFromTheTerminal) {
  server.Get(std::string(kLetters) + "/1", says(letter_json(1, R"(,"body":"{\"a\":\n1")")));
  server.Get(std::string(kLetters) + "/2", says(letter_json(2, R"(,"body":"\u001b[2J")")));
  server.Get(std::string(kLetters) + "/3", says(letter_json(3, R"(,"body_base64":"/wAK")")));
  server.Get(std::string(kLetters) + "/4", says(letter_json(4, R"(,"body":")" + std::string(5000, 'x') + "\"")));
  const auto text = run_line({"dead-letter", "show", "acme", "1"});
  EXPECT_THAT(text.out, HasSubstr("reason:       invalid_json\n"));
  EXPECT_THAT(text.out, testing::EndsWith("\n\n{\"a\":\n1\n"));
  for (const auto* seq : {"2", "3"}) {
    const auto other = run_line({"dead-letter", "show", "acme", seq});
    EXPECT_THAT(other.out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(other.err, HasSubstr("--body")) << seq;
  }
  EXPECT_THAT(run_line({"dead-letter", "show", "acme", "4"}).err, HasSubstr("first 4,096 bytes"));
  EXPECT_EQ(run_line({"dead-letter", "show", "acme", "3", "--body"}).out, std::string("\xff\0\n", 3));
  EXPECT_EQ(run_line({"dead-letter", "show", "acme", "4", "--body"}).out, std::string(5000, 'x'));
  EXPECT_THAT(run_line({"dead-letter", "show", "acme", "3", "-o", "csv"}).out, HasSubstr("body_base64\n"));
  EXPECT_EQ(run_line({"dead-letter", "show", "acme", "3", "-o", "json"}).out,
            letter_json(3, R"(,"body_base64":"/wAK")") + "\n");
}

TEST_F(DeadLetterTest, ReplayGoesInStepsOfAtMostTheRateAndNamesTheRefused) {
  replayable(7, 4);
  const auto ran = run_line({"dead-letter", "replay", "acme", "--all", "--rate", "100000"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.out, HasSubstr("too_large"));
  EXPECT_THAT(ran.out, HasSubstr("still bad"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2) << "only what was refused";
  EXPECT_EQ(ran.err, "6 stored, 1 refused\n");
  EXPECT_THAT(requests, ElementsAre(R"({"all":true,"limit":500})"));
  requests.clear();
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "1", "2", "3", "--rate", "8"}).code, 0);
  EXPECT_THAT(requests, ElementsAre(R"({"seqs":[1,2]})", R"({"seqs":[3]})"));
}

TEST_F(DeadLetterTest, ReplayOfASelectionGoesOnFromWhereTheServerIs) {
  replayable(1200, 5000);
  const auto ran =
      run_line({"dead-letter", "replay", "acme", "--reason", "expired", "--rate", "100000", "-o", "ndjson"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1200);
  EXPECT_THAT(requests,
              ElementsAre(R"({"reason":"expired","limit":500})", R"({"reason":"expired","cursor":"500","limit":500})",
                          R"({"reason":"expired","cursor":"1000","limit":500})"));
}

TEST_F(DeadLetterTest, ReplayTellsByItsExitStatusWhatCameOfIt) {
  replayable(5, 2);
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "1", "3"}).code, 0);
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "1", "2"}).code, 4);
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "1", "9"}).code, 4);
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "2", "4"}).code, 1);
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "9"}).code, 1);
  const auto dry = run_line({"dead-letter", "replay", "acme", "1", "2", "--dry-run"});
  EXPECT_EQ(dry.code, 0);
  EXPECT_THAT(dry.out, HasSubstr("would_be_tried"));
  EXPECT_EQ(dry.err, "would try 2 dead letters; nothing was changed\n");
  const auto json = run_line({"dead-letter", "replay", "acme", "2", "1", "-o", "json"});
  const auto report = wire::read_replay_report(json.out).value();
  EXPECT_EQ(report.stored, 1);
  EXPECT_EQ(report.refused, 1);
  EXPECT_THAT(run_line({"dead-letter", "replay", "acme", "2", "-o", "csv"}).out,
              testing::EndsWith(",refused,too_large,,still bad\n"));
}

TEST_F(DeadLetterTest, ReplayOfNothingIsDoneAndAnOutageInTheMiddleIsPartly) {
  replayable(0, 2);
  EXPECT_EQ(run_line({"dead-letter", "replay", "acme", "--all"}).code, 0);
  int calls = 0;
  server.Post("/tenants/away/dead-letters/replay", [&](const auto&, auto& response) {
    if (calls++ == 0)
      return says(std::string(R"({"data":[{"seq":1,"id":")") + kId +
                  R"(","result":"stored"}],"next_cursor":"1","has_more":true})")({}, response);
    says(R"({"detail":"it is away","code":"database_unavailable","status":503})", 503, "application/problem+json")(
        {}, response);
  });
  const auto ran = run_line({"dead-letter", "replay", "away", "--all", "--rate", "100000"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("it is away"));
  EXPECT_THAT(ran.err, HasSubstr("1 stored, 0 refused\nGo on with --cursor 1.\n"));
}

TEST_F(DeadLetterTest, ReplayWaitsForAnotherReplayAndForWhoeverHoldsTheTenant) {
  int calls = 0;
  server.Post("/tenants/acme/dead-letters/replay", [&](const auto& request, auto& response) {
    requests.push_back(request.body);
    if (++calls == 1)
      return says(R"({"code":"rate_limited","status":429})", 429, "application/problem+json")({}, response);
    if (calls == 2) return says(R"({"code":"timeout","status":504})", 504, "application/problem+json")({}, response);
    says(std::string(R"({"data":[{"seq":1,"id":")") + kId +
         R"(","result":"stored"}],"next_cursor":"1","has_more":false})")({}, response);
  });
  const auto ran = run_line({"dead-letter", "replay", "acme", "--all"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0], requests[2]);
}

TEST_F(DeadLetterTest, PurgeAsksWithTheCountAndDeletesNoMoreThanThat) {
  purgeable(3);
  in_is_terminal = true;
  const auto no = run_line({"dead-letter", "purge", "acme", "--all"}, "n\n");
  EXPECT_EQ(no.code, 1);
  EXPECT_THAT(no.err, HasSubstr("3 dead letters of tenant acme"));
  EXPECT_THAT(requests, ElementsAre("/tenants/" + std::string(kId) + "/dead-letters?all=true&dry_run=true"));
  requests.clear();
  const auto yes = run_line({"dead-letter", "purge", "acme", "--reason", "expired"}, "y\n");
  EXPECT_EQ(yes.code, 0);
  const auto path = "/tenants/" + std::string(kId) + "/dead-letters?reason=expired";
  EXPECT_THAT(requests, ElementsAre(path + "&dry_run=true", path + "&limit=3", path + "&limit=1"))
      << "though the server says there are ever more";
  EXPECT_THAT(yes.err, HasSubstr("deleted 3 dead letters"));
}

TEST_F(DeadLetterTest, PurgeWithoutATerminalNeedsYesUnlessItOnlyCounts) {
  purgeable(3);
  const auto refused = run_line({"dead-letter", "purge", "acme", "--all"}, "y\n");
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--yes"));
  EXPECT_THAT(requests, IsEmpty());
  const auto dry = run_line({"dead-letter", "purge", "acme", "--replayed", "--dry-run", "-o", "json"});
  EXPECT_EQ(dry.out, "{\"deleted\":0,\"would_delete\":3}\n");
  EXPECT_EQ(dry.code, 0);
}

TEST_F(DeadLetterTest, PurgeOfNumbersSaysWhichWereNotThere) {
  purgeable(3);
  const auto ran = run_line({"dead-letter", "purge", "acme", "1", "3", "7", "--yes"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("not there"));
  EXPECT_THAT(ran.err, HasSubstr("deleted 2 dead letters"));
  EXPECT_EQ(run_line({"dead-letter", "purge", "acme", "7", "--yes"}).code, 1);
  EXPECT_EQ(run_line({"dead-letter", "purge", "acme", "2", "--yes", "-o", "csv"}).out, "deleted\n1\n");
}

TEST_F(DeadLetterTest, WrongUsageIsExitTwoAndAsksNothing) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"dead-letter"},
                                             {"dead-letter", "list"},
                                             {"dead-letter", "list", "acme", "--reason", "bored"},
                                             {"dead-letter", "list", "acme", "--since", "now"},
                                             {"dead-letter", "list", "acme", "--cursor", "x"},
                                             {"dead-letter", "list", "acme", "--limit", "0"},
                                             {"dead-letter", "list", "acme", "--replayed", "--not-replayed"},
                                             {"dead-letter", "show", "acme"},
                                             {"dead-letter", "show", "acme", "x"},
                                             {"dead-letter", "show", "acme", "1", "--body", "-o", "json"},
                                             {"dead-letter", "replay", "acme"},
                                             {"dead-letter", "replay", "acme", "0"},
                                             {"dead-letter", "replay", "acme", "1", "--all"},
                                             {"dead-letter", "replay", "acme", "--cursor", "5"},
                                             {"dead-letter", "replay", "acme", "--all", "--rate", "0"},
                                             {"dead-letter", "purge", "acme", "--yes"},
                                             {"dead-letter", "purge", "acme", "1", "--replayed", "--yes"}}) {
    const auto ran = run_alone(args);
    EXPECT_EQ(ran.code, 2) << args.back() << ran.err;
    EXPECT_THAT(ran.err, testing::StartsWith("mtmsgctl: error: "));
  }
  EXPECT_THAT(run_alone({"dead-letter", "list", "acme", "--reason", "bored"}).err, HasSubstr("invalid_json, "));
}

}  // namespace
}  // namespace mtmsg::ctl
