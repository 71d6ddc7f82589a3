#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/limit_options.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;

TEST(LimitValues, TakeTheUnitsOfTheirKindAndNoOthers) {
  EXPECT_EQ(parse_limit_value(Limit::max_message_bytes, "256KiB").value(), 256U << 10U);
  EXPECT_EQ(parse_limit_value(Limit::max_stored_bytes, "20GiB").value(), 20ULL << 30U);
  EXPECT_EQ(parse_limit_value(Limit::retention_seconds, "30d").value(), 30U * 86'400);
  EXPECT_EQ(parse_limit_value(Limit::retention_seconds, "90min").value(), 5400U);
  EXPECT_EQ(parse_limit_value(Limit::publish_rate, "0").value(), 0U);
  for (const auto* wrong : {"", "-1", "+1", " 1", "1 ", "KiB", "1kib", "1.5MiB", "1KiBx", "0x10", "1d", "1e3",
                            "99999999999999999999", "18446744073709551615KiB"})
    EXPECT_FALSE(parse_limit_value(Limit::max_message_bytes, wrong)) << wrong;
  EXPECT_FALSE(parse_limit_value(Limit::publish_rate, "1KiB"));
  EXPECT_FALSE(parse_limit_value(Limit::max_message_bytes, "0"));
  EXPECT_THAT(parse_limit_value(Limit::retention_seconds, "1w").error().message, HasSubstr("s, min, h, d"));
}

TEST(LimitValues, AreShownWithTheLargestUnitThatFits) {
  EXPECT_EQ(limit_text(Limit::max_message_bytes, 1 << 20), "1MiB");
  EXPECT_EQ(limit_text(Limit::max_message_bytes, 1025), "1025");
  EXPECT_EQ(limit_text(Limit::retention_seconds, 604'800), "7d");
  EXPECT_EQ(limit_text(Limit::retention_seconds, 61), "61s");
  EXPECT_EQ(limit_text(Limit::publish_rate, 10), "10");
  EXPECT_EQ(limit_text(Limit::publish_rate, 0), "none");
}

TEST_F(CommandLineTest, CreatingSendsWorkersOrderLimitsAndTheKey) {
  std::string body, key;
  server.Post("/tenants", [&](const httplib::Request& request, httplib::Response& response) {
    body = request.body;
    key = request.get_header_value("Idempotency-Key");
    response.status = 201;
    response.set_content(tenant_json(), "application/json");
  });
  const auto ran = run_line({"tenant", "create", "acme", "--workers", "1", "--ordered", "--max-message-bytes", "256KiB",
                             "--retention-seconds=7d", "--publish-rate", "0", "--idempotency-key", "order 7"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(body, R"({"name":"acme","workers":1,"ordered":true,"limits":{"max_message_bytes":262144,"publish_rate":0,)"
                  R"("retention_seconds":604800}})");
  EXPECT_EQ(key, "order 7");
  EXPECT_EQ(run_line({"tenant", "create", "acme"}).code, 0);
  EXPECT_EQ(body, R"({"name":"acme"})");
  EXPECT_EQ(key, "");
}

TEST_F(CommandLineTest, AWrongLimitIsWrongUsageAndNothingIsAsked) {
  for (const auto& wrong :
       std::vector<std::vector<std::string>>{{"tenant", "create", "acme", "--publish-rate", "fast"},
                                             {"tenant", "create", "acme", "--publish-rate", "2000000"},
                                             {"tenant", "create", "acme", "--publish-rate", "default"},
                                             {"tenant", "create", "acme", "--idempotency-key", ""},
                                             {"tenant", "create", "acme", "--idempotency-key", std::string(256, 'x')},
                                             {"tenant", "create", "acme", "--idempotency-key", "a\nb"},
                                             {"tenant", "update", "acme"},
                                             {"tenant", "update", "acme", "--workers", "0"},
                                             {"tenant", "list", "--state", "lazy"}}) {
    const auto ran = run_alone(wrong);
    EXPECT_EQ(ran.code, 2) << testing::PrintToString(wrong) << ran.err;
  }
  EXPECT_THAT(run_alone({"tenant", "update", "acme", "--publish-rte", "5"}).err, HasSubstr("did you mean"));
}

TEST_F(CommandLineTest, AnUpdateSendsWhatChangesAndNullForTheDefault) {
  std::string body;
  server.Patch("/tenants/acme", [&](const httplib::Request& request, httplib::Response& response) {
    body = request.body;
    response.set_content(tenant_json(), "application/json");
  });
  EXPECT_EQ(run_line({"tenant", "update", "acme", "--workers", "8", "--max-stored-bytes", "1GiB", "--publish-rate",
                      "default"})
                .code,
            0);
  EXPECT_EQ(body, R"({"workers":8,"limits":{"max_stored_bytes":1073741824,"publish_rate":null}})");
}

TEST_F(CommandLineTest, PausesAndResumesATenant) {
  server.Post("/tenants/acme/pause", says(tenant_json()));
  server.Post("/tenants/acme/resume", says(tenant_json()));
  EXPECT_EQ(run_line({"tenant", "pause", "acme"}).code, 0);
  EXPECT_THAT(run_line({"tenant", "resume", "acme", "-o", "json"}).out, HasSubstr("\"paused\":false"));
}

TEST_F(CommandLineTest, ShowsLimitsWithTheirOrigin) {
  server.Get("/tenants/acme",
             says(tenant_json(R"(,"messages":12,"oldest_seq":3,"stored_bytes":900,"full":true,"dead_letters":1,)"
                              R"("limits":{"publish_rate":5},"effective_limits":{"publish_rate":5,)"
                              R"("max_message_bytes":1048576},"activity":{"consuming":true})")));
  const auto people = run_line({"tenant", "show", "acme"});
  EXPECT_EQ(people.code, 0) << people.err;
  for (const auto* part : {"1MiB (default)", "publish rate:", "5\n", "none (default)"})
    EXPECT_THAT(people.out, HasSubstr(part));
  const auto csv = run_line({"tenant", "show", "acme", "-o", "csv"});
  EXPECT_THAT(csv.out, HasSubstr("max_message_bytes,max_queue_length"));
  EXPECT_THAT(csv.out, HasSubstr("1048576,0,0,5,0,0"));
}

TEST_F(CommandLineTest, ListsTheTenantsOfOneState) {
  auto paused = tenant_json();
  paused.replace(paused.find("\"paused\":false"), 14, "\"paused\":true");
  paused.replace(paused.find("acme"), 4, "beta");
  server.Get("/tenants", says("{\"data\":[" + tenant_json() + "," + paused + "]}"));
  const auto names = [&](const std::string& state) {
    return run_line({"tenant", "list", "--state", state, "-o", "csv"}).out;
  };
  EXPECT_THAT(names("active"), testing::AllOf(HasSubstr("acme"), testing::Not(HasSubstr("beta"))));
  EXPECT_THAT(names("paused"), testing::AllOf(HasSubstr("beta"), testing::Not(HasSubstr("acme"))));
  EXPECT_THAT(names("deleting"), testing::Not(HasSubstr("acme")));
}

TEST_F(CommandLineTest, ADeletionThatKeepsMessagesPrintsTheTable) {
  server.Get("/tenants/acme", says(detail_json()));
  std::string query;
  server.Delete(R"(/tenants/(.*))", [&](const httplib::Request& request, httplib::Response& response) {
    query = request.target;
    response.set_content(R"({"kept_table":"kept_5"})", "application/json");
  });
  const auto ran = run_line({"tenant", "delete", "acme", "--keep-messages", "--if-empty", "--yes"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(query, HasSubstr("?if_empty=true&keep_messages=true"));
  EXPECT_THAT(ran.out, HasSubstr("kept_5"));
  EXPECT_THAT(run_line({"tenant", "delete", "acme", "--keep-messages", "--yes", "-o", "json"}).out,
              HasSubstr(R"({"kept_table":"kept_5"})"));
}

TEST_F(CommandLineTest, ADeletionThatIsRefusedSaysWhy) {
  server.Get("/tenants/acme", says(detail_json()));
  server.Delete(R"(/tenants/(.*))",
                says(R"({"detail":"it holds 10 messages","code":"conflict"})", 409, "application/problem+json"));
  const auto ran = run_line({"tenant", "delete", "acme", "--if-empty", "--yes"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("it holds 10 messages"));
}

}  // namespace
}  // namespace mtmsg::ctl
