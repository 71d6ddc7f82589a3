// What a stranger may send to the port, row by row, against a running daemon. The test leaves the table as hostile.md
// in the build folder.

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/http_answer.hpp"
#include "support/paths.hpp"
#include "support/sanitized.hpp"
#include "support/world.hpp"
#include "tests/integration/hostile_inputs.hpp"
#include "tests/integration/http_client.hpp"

namespace mtmsg::test {
namespace {

using namespace std::chrono_literals;

/// All that a refused request must leave as it was.
std::string state_of(const World& world) {
  return world.sql(
      "select concat_ws(' ', (select count(*) from messages), (select count(*) from dead_letters), "
      "(select count(*) from schema_migrations), (select md5(string_agg(t::text, '|' order by id)) from tenants t))");
}

class HostileHttp : public testing::Test {
 protected:
  void SetUp() override {
    world_.start_daemon();
    acme_ = world_.create_tenant("acme").id;
    ASSERT_TRUE(eventually([&] { return world_.client().tenant("acme")->tenant.state == TenantState::active; }));
    port_ = world_.port();
  }

  /// Sends the row's bytes; what came back, and whether the connection ended.
  HttpAnswer ask(const HostileInput& row, bool& closed) const {
    auto client = RawClient::tcp(port_);
    client.send(row.bytes);
    auto answer = read_answer(client);
    if (row.closes) client.read_until("", 5s);
    closed = client.ended();
    if (!row.closes && !closed) {  // then it goes on as if nothing had been
      client.forget();
      client.send(kNormal);
      EXPECT_EQ(read_answer(client).status, 200) << row.name << ": the same connection's next request";
    }
    return answer;
  }

  static HttpAnswer read_answer(RawClient& client) {
    HttpAnswer answer;
    client.read_until("\r\n\r\n", 10s);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!(answer = parse_answer(client.read_until("\r\n\r\n", 10s))).complete && !client.ended() &&
           std::chrono::steady_clock::now() < deadline)
      client.read_until("never sent", 20ms);
    return answer;
  }

  static constexpr std::string_view kNormal = "GET /tenants/acme HTTP/1.1\r\nHost: localhost\r\n\r\n";

  World world_{{{"MTMSG_AUTH_MODE", "none"}, {"MTMSG_HTTP_REQUEST_TIMEOUT", "1s"}}};
  TenantId acme_;
  std::uint16_t port_ = 0;
};

std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 70)) {
    if (c == '\r')
      out += "\\r";
    else if (c == '\n')
      out += "\\n";
    else if (c == '|' || c == '`')
      out += '.';
    else
      out += c >= 0x20 && c < 0x7F ? c : '?';
  }
  if (bytes.size() > 70) out += "… (" + std::to_string(bytes.size()) + " bytes)";
  return out;
}

TEST_F(HostileHttp, EveryInputOfTheTableIsRefusedByNameAndChangesNothing) {
  auto normal = RawClient::tcp(port_);
  normal.send(kNormal);
  ASSERT_EQ(read_answer(normal).status, 200);
  const auto before = state_of(world_);
  const auto memory_before = world_.daemon().memory_bytes();
  const auto rows = hostile_inputs();
  ASSERT_GE(rows.size(), 60U);
  std::string table = "| input | bytes | status | code | connection |\n|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    bool closed = false;
    const auto answer = ask(row, closed);
    EXPECT_EQ(answer.status, row.status) << row.name << "\n" << answer.body;
    EXPECT_EQ(answer.code(), row.code) << row.name << "\n" << answer.body;
    EXPECT_EQ(answer.content_type, "application/problem+json") << row.name;
    EXPECT_TRUE(answer.complete) << row.name;
    EXPECT_EQ(closed, row.closes) << row.name;
    normal.forget();
    normal.send(kNormal);
    EXPECT_EQ(read_answer(normal).status, 200) << "the normal client after: " << row.name;
    EXPECT_EQ(state_of(world_), before) << row.name;
    table += "| " + row.name + " | `" + shown(row.bytes) + "` | " + std::to_string(answer.status) + " | " +
             answer.code() + " | " + (closed ? "closed" : "goes on") + " |\n";
  }
  const auto memory_after = world_.daemon().memory_bytes();
  // The address sanitizer keeps what was freed.
  if (!kSanitized) {
    EXPECT_LT(memory_after, memory_before + (64U << 20U));
  }
  EXPECT_EQ(world_.queue(acme_)->ready, 0U);
  table += "\n" + std::to_string(rows.size()) +
           " inputs; VmRSS of mtmsgd before: " + std::to_string(memory_before >> 10U) +
           " KiB, after: " + std::to_string(memory_after >> 10U) + " KiB.\n";
  std::ofstream(MTMSG_BINARY_DIR "/../hostile.md") << table;
}

}  // namespace
}  // namespace mtmsg::test
