#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cmd/help.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

std::string message_json(int seq) {
  return "{\"seq\":" + std::to_string(seq) + R"(,"id":")" + kId + R"(","tenant_id":")" + kId +
         R"(","payload":{"n":1e400},"headers":{},"published_at":null,"created_at":"2026-01-31T12:00:00Z"})";
}

TEST_F(CommandLineTest, ListsTenantsAsATable) {
  server.Get("/tenants", says(R"({"data":[)" + tenant_json() + "]}"));
  const auto ran = run_line({"tenant", "list"});
  EXPECT_EQ(ran.out, std::string("NAME  STATE   WORKERS  ID\nacme  active        5  ") + kId + "\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
}

TEST_F(CommandLineTest, GlobalOptionsMayStandAnywhere) {
  server.Get("/tenants", says(R"({"data":[)" + tenant_json() + "]}"));
  const auto before = run_line({"-o", "ndjson", "tenant", "list"});
  EXPECT_EQ(before.out, run_line({"tenant", "list", "--format=ndjson"}).out);
  EXPECT_EQ(before.out.find("{\"id\":"), 0U);
}

TEST_F(CommandLineTest, WhatTheServerRefusesIsExitOneWithItsReason) {
  server.Get("/tenants/nope", says(R"({"detail":"tenant nope does not exist","code":"not_found","status":404})", 404,
                                   "application/problem+json"));
  const auto ran = run_line({"tenant", "show", "nope"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "mtmsgctl: error: tenant nope does not exist\n");
}

TEST_F(CommandLineTest, AFailureOfTheServerNamesTheRequestForItsLog) {
  server.Get("/tenants/acme",
             says(R"({"detail":"an internal error","code":"internal","status":500,"request_id":"0190-7"})", 500,
                  "application/problem+json"));
  const auto ran = run_line({"tenant", "show", "acme"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "mtmsgctl: error: an internal error\nThe daemon's log tells more about request 0190-7.\n");
}

TEST_F(CommandLineTest, AServerThatIsNotThereIsExitThreeWithTheNextStep) {
  const auto ran = run_alone({"--endpoint", "unix:/nonexistent.sock", "status"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("unix:/nonexistent.sock"), std::string::npos);
  EXPECT_NE(ran.err.find("mtmsgctl service status"), std::string::npos);
}

TEST_F(CommandLineTest, AMistypedNameIsExitTwoAndTheNearestIsOffered) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> lines{
      {{"tennant", "list"}, "did you mean 'tenant'?"},
      {{"tenant", "lsit"}, "did you mean 'list'?"},
      {{"tenant", "list", "--fromat", "json"}, "did you mean '--format'?"},
      {{"--endpont", "x", "status"}, "did you mean '--endpoint'?"},
      {{"frobnicate"}, "there are: tenant,"},
  };
  for (const auto& [args, offered] : lines) {
    const auto ran = run_alone(args);
    EXPECT_EQ(ran.code, 2) << args[0];
    EXPECT_NE(ran.err.find(offered), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(CommandLineTest, WrongUsageIsExitTwoAndAsksNothing) {
  for (const auto& args : std::vector<std::vector<std::string>>{{},
                                                                {"tenant"},
                                                                {"tenant", "create"},
                                                                {"tenant", "list", "extra"},
                                                                {"concurrency", "set", "acme", "0"},
                                                                {"concurrency", "set", "acme", "many"},
                                                                {"message", "list", "--limit", "1001"},
                                                                {"message", "publish", "acme", "{no json"},
                                                                {"message", "publish", "acme", "1", "2", "--id", "x"},
                                                                {"message", "dump", "acme", "-o", "table"},
                                                                {"-o", "yaml", "status"},
                                                                {"--endpoint", "localhost", "status"},
                                                                {"--token-file", "/nonexistent", "status"}}) {
    const auto ran = run_alone(args);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_EQ(ran.err.find("mtmsgctl: error: "), 0U) << ran.err;
  }
}

TEST_F(CommandLineTest, ATenantMayBeCalledLikeACommand) {
  server.Get("/tenants/status", says(detail_json()));
  EXPECT_EQ(run_line({"tenant", "show", "status"}).code, 0);
}

TEST_F(CommandLineTest, DeletingWithoutATerminalNeedsYes) {
  server.Get("/tenants/acme", says(detail_json()));
  std::string deleted;
  server.Delete(R"(/tenants/(.*))", [&](const httplib::Request& request, httplib::Response& response) {
    deleted = request.matches[1];
    response.status = 204;
  });
  EXPECT_EQ(run_line({"tenant", "delete", "acme"}, "y\n").code, 2);
  EXPECT_EQ(deleted, "");
  EXPECT_EQ(run_line({"tenant", "delete", "acme", "--yes"}).code, 0);
  EXPECT_EQ(deleted, kId);
}

TEST_F(CommandLineTest, DeletingAsksWithTheCountsOfWhatWillGo) {
  server.Get("/tenants/acme", says(detail_json()));
  in_is_terminal = true;
  const auto ran = run_line({"tenant", "delete", "acme"}, "n\n");
  EXPECT_EQ(ran.code, 1);
  for (const auto* part : {"10 stored messages", "7 messages waiting", "1 dead letter.", "Nothing was deleted."})
    EXPECT_NE(ran.err.find(part), std::string::npos) << part;
}

TEST_F(CommandLineTest, AJsonArrayIsPublishedAsItWasTyped) {
  std::string body;
  server.Post("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    body = request.body;
    response.status = 202;
    response.set_content(std::string(R"({"id":")") + kId + R"(","status":"queued"})", "application/json");
  });
  const auto ran = run_line({"message", "publish", "acme", R"([1e400, "a,b"])", "--id", "x", "-o", "json"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(body, R"({"id":"x","payload":[1e400, "a,b"]})");
  EXPECT_EQ(ran.out, std::string(R"({"id":")") + kId + "\",\"status\":\"queued\"}\n");
}

/// Answers each line of an NDJSON body with "queued", or with a failure if it says so.
void answer_lines(const httplib::Request& request, httplib::Response& response) {
  std::istringstream lines(request.body);
  std::string out;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    out += "{\"line\":" + std::to_string(++number);
    if (line.find("fail") != std::string::npos)
      out += R"(,"status":"failed","code":"too_large","detail":"too much"})";
    else
      out += std::string(R"(,"id":")") + kId + R"(","status":"queued"})";
    out += "\n";
  }
  response.status = 207;
  response.set_content(out, "application/x-ndjson");
}

TEST_F(CommandLineTest, LinesThatFailAreNamedByTheirPlaceInTheInputAndTheRestGoes) {
  server.Post("/tenants/acme/messages", answer_lines);
  const auto ran = run_line({"message", "publish", "acme"}, "1\n\nnot json\n{\"x\":\"fail\"}\n1,\"id\":\"y\"\n2");
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.out, "");
  for (const auto* part :
       {"line 3: not valid JSON", "line 4: too much", "line 5: not valid JSON", "published 2 messages; 3 failed"})
    EXPECT_NE(ran.err.find(part), std::string::npos) << part << "\n" << ran.err;
}

TEST_F(CommandLineTest, WhatBreaksOffIsSentAgainUnderTheSameKey) {
  std::vector<std::string> asked;
  server.Post("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    asked.push_back(request.get_header_value("Idempotency-Key") + " " + request.body);
    if (asked.size() % 4 == 1) {  // the answer breaks off
      response.set_content_provider(1000, "text/plain",
                                    [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    } else if (asked.size() % 4 == 2) {  // it goes away, and comes back
      response.status = 503;
      response.set_content(R"({"detail":"the daemon is stopping","code":"stopping"})", "application/problem+json");
    } else if (asked.size() % 4 == 3) {
      response.status = 503;
      response.set_content(R"({"detail":"not connected yet","code":"broker_unavailable"})", "application/problem+json");
    } else {
      answer_lines(request, response);
    }
  });
  const auto ran = run_line({"message", "publish", "acme"}, "1\n2\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("published 2 messages"), std::string::npos);
  ASSERT_EQ(asked.size(), 4U);
  for (const auto& again : asked) EXPECT_EQ(again, asked[0]);
  EXPECT_GT(asked[0].find(' '), 36U) << "there is a key";
  run_line({"message", "publish", "acme"}, "1\n2\n");
  ASSERT_EQ(asked.size(), 8U);
  EXPECT_NE(asked[4].substr(0, 36), asked[0].substr(0, 36)) << "each run has a key of its own";
}

TEST_F(CommandLineTest, ADaemonThatIsNotThereIsToldAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  const auto ran = run_alone({"--endpoint", "http://127.0.0.1:1", "message", "publish", "acme", "1"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(CommandLineTest, ManyLinesGoInBatchesAndEachIsCountedOnce) {
  std::atomic<int> requests = 0;
  server.Post("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    ++requests;
    answer_lines(request, response);
  });
  std::string input;
  for (int i = 0; i < 2500; ++i) input += std::to_string(i) + "\n";
  const auto ran = run_line({"message", "publish", "acme", "-o", "ndjson"}, input);
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2500);
  EXPECT_NE(ran.out.find("{\"line\":2500,"), std::string::npos);
}

TEST_F(CommandLineTest, APageSaysWhereToGoOnButNotAmongTheData) {
  server.Get("/tenants/acme/messages",
             says(R"({"data":[)" + message_json(6) + R"(],"next_cursor":"6","has_more":true,"epoch":1})"));
  const auto table = run_line({"message", "list", "--tenant", "acme", "--cursor", "5"});
  EXPECT_EQ(table.err, "next cursor: 6\n");
  EXPECT_NE(table.out.find(R"({"n":1e400})"), std::string::npos);
  EXPECT_EQ(run_line({"message", "list", "acme", "-o", "ndjson"}).out, message_json(6) + "\n");
}

void stream(httplib::Response& response, std::string text, bool whole) {
  response.set_chunked_content_provider("application/x-ndjson", [text, whole](std::size_t, httplib::DataSink& sink) {
    sink.write(text.data(), text.size());
    if (whole) sink.done();
    return whole;
  });
}

TEST_F(CommandLineTest, ADumpGoesOnAfterItsLastWholeRowWhenTheStreamIsCut) {
  server.Get("/tenants/acme/messages", [](const httplib::Request& request, httplib::Response& response) {
    if (!request.has_param("cursor"))
      return stream(response, message_json(1) + "\n" + message_json(2) + "\n{\"seq\":3,\"i", false);
    EXPECT_EQ(request.get_param_value("cursor"), "2");
    stream(response, message_json(3) + "\n{\"next_cursor\":\"3\",\"has_more\":false,\"epoch\":1}\n", true);
  });
  const auto ran = run_line({"message", "dump", "acme"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, message_json(1) + "\n" + message_json(2) + "\n" + message_json(3) + "\n");
  EXPECT_EQ(ran.err.find("dumped 3 messages; next cursor: 3\nsha256 "), 0U) << ran.err;
}

TEST_F(CommandLineTest, ADumpThatCannotGoOnIsPartlyDoneAndSaysWhereToBegin) {
  server.Get("/tenants/acme/messages", [](const httplib::Request& request, httplib::Response& response) {
    stream(response, request.has_param("cursor") ? "{" : message_json(1) + "\n", false);
  });
  const auto ran = run_line({"message", "dump", "acme"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.out, message_json(1) + "\n");
  EXPECT_NE(ran.err.find("--cursor 1"), std::string::npos);
}

TEST_F(CommandLineTest, ADumpThatMissesMessagesAfterItsCursorIsExitSix) {
  server.Get("/tenants/acme/messages", [](const httplib::Request&, httplib::Response& response) {
    stream(response, message_json(5) + "\n{\"next_cursor\":\"5\",\"has_more\":false,\"epoch\":1}\n", true);
  });
  EXPECT_EQ(run_line({"message", "dump", "acme"}).code, 0);
  const auto ran = run_line({"message", "dump", "acme", "--cursor", "2"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("2 messages of tenant"), std::string::npos) << ran.err;
}

TEST_F(CommandLineTest, WhatADumpCannotDoTogetherIsSaidBeforeAnythingIsAsked) {
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{},
                                             {"acme", "--all-tenants"},
                                             {"acme", "--cursor-file", "/tmp/c"},
                                             {"acme", "--cursor-file", "/tmp/c", "--output", "-"},
                                             {"acme", "--cursor-file", "/tmp/c", "--output", "/dev/null"},
                                             {"acme", "--cursor-file", "/tmp/c", "--output", "/tmp/{day}"},
                                             {"acme", "--cursor-file", "/tmp/c", "--output", "/tmp/x", "--follow"},
                                             {"acme", "--accept-epoch", "2"},
                                             {"acme", "--follow", "--output", "x"},
                                             {"acme", "--follow", "--compress", "zstd"},
                                             {"acme", "--follow", "-o", "json"},
                                             {"acme", "--compress", "rar"},
                                             {"--all-tenants", "--output", "/tmp/{first}"}}) {
    std::vector<std::string> args{"message", "dump"};
    args.insert(args.end(), more.begin(), more.end());
    const auto ran = run_alone(args);
    EXPECT_EQ(ran.code, 2) << ran.err;
  }
}

TEST_F(CommandLineTest, HelpIsDataAndEveryCommandHasSomeWithinEightyColumns) {
  CommandLine line;
  const std::function<void(const CLI::App&)> look = [&](const CLI::App& app) {
    const auto help = help_of(app);
    EXPECT_FALSE(app.get_description().empty()) << full_name(app);
    const auto below = app.get_subcommands([](const CLI::App*) { return true; });
    if (below.empty()) {
      EXPECT_NE(help.find("\nExamples:\n"), std::string::npos) << full_name(app);
    }
    std::istringstream lines(help);
    for (std::string text; std::getline(lines, text);) EXPECT_LE(text.size(), 82U) << text;
    for (const auto* command : below) look(*command);
  };
  look(line.root);
  const auto ran = run_alone({"tenant", "create", "--help"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out.find("Usage: mtmsgctl tenant create [OPTION]... NAME\n"), 0U) << ran.out;
}

}  // namespace
}  // namespace mtmsg::ctl
