#include <gmock/gmock.h>

#include "cmd/message_tail.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;

std::string row(int seq) {
  return R"({"seq":)" + std::to_string(seq) + R"(,"id":")" + kId + R"(","tenant_id":")" + kId + R"(","payload":{"n":)" +
         std::to_string(seq) + R"(},"headers":{},"published_at":null,"created_at":"2026-01-31T12:00:00.5Z"})";
}

class Tail : public CommandLineTest {
 protected:
  Tail() {
    server.Get("/tenants/acme", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(tenant_json(R"(,"messages":12,"oldest_seq":)" + oldest +
                                       R"(,"dead_letters":0,"queue":null,"activity":{"consuming":true})"),
                           "application/json");
    });
    server.Get("/tenants/acme/messages", [this](const httplib::Request& request, httplib::Response& response) {
      cursor = request.get_param_value("cursor");
      std::string lines;
      for (int seq = std::stoi(cursor) + 1; seq <= 12; ++seq) lines += row(seq) + "\n";
      response.set_content(lines + R"({"next_cursor":"12","has_more":false,"oldest_seq":1,"epoch":1})" + "\n",
                           "application/x-ndjson");
    });
  }
  std::string oldest = "1";
  std::string cursor;
};

TEST_F(Tail, ShowsTheLastTenInOrder) {
  const auto ran = run_line({"message", "tail", "acme"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(cursor, "2");
  EXPECT_THAT(ran.out, HasSubstr("   SEQ  CREATED AT            PAYLOAD\n"
                                 "     3  2026-01-31T12:00:00Z  {\"n\":3}\n"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 11);
}

TEST_F(Tail, ShowsAsManyAsAskedForAndNeverMoreThanAreKept) {
  run_line({"message", "tail", "acme", "-n", "3"});
  EXPECT_EQ(cursor, "9");
  run_line({"message", "tail", "acme", "-n", "0"});
  EXPECT_EQ(cursor, "12");
  run_line({"message", "tail", "acme", "-n", "100"});
  EXPECT_EQ(cursor, "0");
  oldest = "8";
  const auto ran = run_line({"message", "tail", "acme", "-n", "100"});
  EXPECT_EQ(cursor, "7");
  EXPECT_EQ(ran.code, 0);
}

TEST_F(Tail, GivesScriptsTheRowsAsADumpDoes) {
  EXPECT_EQ(run_line({"-o", "ndjson", "message", "tail", "acme", "-n", "1"}).out, row(12) + "\n");
  EXPECT_THAT(run_line({"-o", "json", "message", "tail", "acme", "-n", "2"}).out, testing::StartsWith("["));
  EXPECT_THAT(run_line({"-o", "csv", "message", "tail", "acme", "-n", "1"}).out, HasSubstr("seq,"));
}

TEST_F(Tail, OfAJsonDocumentThereIsAnEnd) {
  const auto ran = run_line({"-o", "json", "message", "tail", "acme", "-f"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("-o ndjson"));
}

TEST_F(Tail, OfATenantThatIsNotThereSaysSo) {
  server.Get("/tenants/other", says(R"({"title":"Not found","status":404,"code":"not_found","detail":"no such"})", 404,
                                    "application/problem+json"));
  EXPECT_EQ(run_line({"message", "tail", "other"}).code, 1);
  EXPECT_EQ(cursor, "");
}

TEST(TailLine, IsCutToTheTerminalAndNeverSteersIt) {
  StoredMessage message;
  message.seq = Sequence{7};
  message.created_at = parse_timestamp("2026-01-31T12:00:00Z").value();
  message.payload = "\"" + std::string(100, 'x') + "\x1b[2J\"";
  const auto line = tail_line(message, tail_seq_width(7), 60);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_LE(line.size(), 60 + std::string_view("…\n").size());
  EXPECT_GT(tail_line(message, 6, std::nullopt).size(), 130U);
  message.erased_at = message.created_at;
  EXPECT_THAT(tail_line(message, 6, std::nullopt), HasSubstr("(erased)"));
}

}  // namespace
}  // namespace mtmsg::ctl
