#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string entry_json(int seq, const std::string& status = R"("status":200,"code":null)") {
  return "{\"seq\":" + std::to_string(seq) + R"(,"at":"2026-01-31T12:00:0)" + std::to_string(seq) +
         R"(.5Z","subject":"unix:uid=1000","role":"admin","action":"tenant.concurrency","method":"PUT",)"
         R"("route":"/tenants/{t}/config/concurrency","tenant_id":")" +
         kId + R"(","tenant_name":"a-tenant-with-a-long-name","detail":{"workers":5},)" + status +
         R"(,"request_id":null,"peer":"unix","uid":1000,"pid":77})";
}

class AuditCommandTest : public CommandLineTest {
 protected:
  AuditCommandTest() {
    server.Get("/audit", [this](const auto& request, auto& response) {
      asked = request.target;
      response.set_content("{\"data\":[" + entry_json(2) + "," + entry_json(1, R"("status":409,"code":"conflict")") +
                               "],\"next_cursor\":\"1\",\"has_more\":true}",
                           "application/json");
    });
  }
  std::string asked;
};

TEST_F(AuditCommandTest, ShowsTheNewestLast) {
  const auto table = run_line({"audit"});
  EXPECT_EQ(asked, "/audit?order=desc&limit=100");
  EXPECT_LT(table.out.find("12:00:01Z"), table.out.find("12:00:02Z"));
  EXPECT_THAT(table.out, HasSubstr("409"));
  EXPECT_THAT(table.err, HasSubstr("earlier ones; next cursor: 1"));
  const auto csv = run_line({"audit", "-o", "csv"});
  EXPECT_THAT(csv.out, HasSubstr(",peer,uid,pid\n"));
  EXPECT_THAT(csv.out, HasSubstr(",unix,1000,77\n"));
}

TEST_F(AuditCommandTest, FitsATerminalOfEightyColumns) {
  out_is_terminal = true;
  const auto table = run_line({"audit"});
  for (std::size_t begin = 0; begin < table.out.size();) {
    const auto end = table.out.find('\n', begin);
    const auto line = table.out.substr(begin, end - begin);
    const auto characters = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(characters, 80) << line;
    begin = end + 1;
  }
}

TEST_F(AuditCommandTest, PassesTheFilterOn) {
  run_line({"audit", "--since", "2026-01-31T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "--tenant", "acme",
            "--subject", "ops", "--action", "tenant.delete", "--limit", "5", "--from-oldest", "--cursor", "9"});
  EXPECT_EQ(asked,
            "/audit?cursor=9&limit=5&since=2026-01-31T00%3A00%3A00.000000Z&until=2026-02-01T00%3A00%3A00.000000Z&"
            "subject=ops&tenant=acme&action=tenant.delete");
  run_line({"audit", "--since", "90min"});
  EXPECT_THAT(asked, HasSubstr("&since=20"));
  EXPECT_EQ(run_line({"audit", "--since", "yesterday"}).code, 2);
}

}  // namespace
}  // namespace mtmsg::ctl
