#include "client/client.hpp"

#include <csignal>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/line_splitter.hpp"

namespace mtmsg::client {
namespace {

constexpr auto kId = "0190d3c4-5a6b-7c8d-9e0f-112233445566";
constexpr auto kTenant =
    R"({"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","name":"acme","state":"active","workers":5,"paused":false,)"
    R"("ordered":false,"created_at":"2026-01-31T12:00:00Z","updated_at":"2026-01-31T12:00:00Z"})";

/// A server that answers what a test tells it to, on a port of its own.
class FakeServer {
 public:
  FakeServer() { std::signal(SIGPIPE, SIG_IGN); }
  ~FakeServer() {
    http.stop();
    if (thread_.joinable()) thread_.join();
  }

  Client start(Options options = {}) {
    const int port = http.bind_to_any_port("127.0.0.1");
    return run(Endpoint{Endpoint::Scheme::http, "", "127.0.0.1", static_cast<std::uint16_t>(port)}, options);
  }
  Client start_on(const std::string& path) {
    http.set_address_family(AF_UNIX);
    http.bind_to_port(path, 80);
    return run(Endpoint{Endpoint::Scheme::unix_socket, path, "", 0}, {});
  }

  httplib::Server http;

 private:
  Client run(Endpoint endpoint, Options options) {
    thread_ = std::thread([this] { http.listen_after_bind(); });
    while (!http.is_running()) std::this_thread::yield();
    return Client(std::move(endpoint), std::move(options));
  }

  std::thread thread_;
};

TEST(Client, ReadsATenantOverTheUnixSocketWithAnOrdinaryHostHeader) {
  const auto path = "/tmp/mtmsg-client-test-" + std::to_string(getpid()) + ".sock";
  FakeServer server;
  std::string host;
  server.http.Get("/tenants", [&](const httplib::Request& request, httplib::Response& response) {
    host = request.get_header_value("Host");
    response.set_content(std::string(R"({"data":[)") + kTenant + "]}", "application/json");
  });
  auto client = server.start_on(path);
  const auto tenants = client.tenants();
  unlink(path.c_str());
  ASSERT_TRUE(tenants) << tenants.error().error.message;
  EXPECT_EQ(tenants->at(0).name, "acme");
  EXPECT_EQ(host, "localhost");
}

TEST(Client, SendsTheTokenAndEncodesWhatGoesIntoThePath) {
  FakeServer server;
  std::string target, authorization;
  server.http.Put(R"(/tenants/.*)", [&](const httplib::Request& request, httplib::Response& response) {
    target = request.target;
    authorization = request.get_header_value("Authorization");
    response.set_content(request.body, "application/json");
  });
  auto client = server.start({std::chrono::seconds(5), "abc"});
  EXPECT_EQ(client.set_concurrency("a/../b?x", 7).value(), 7U);
  EXPECT_EQ(target, "/tenants/a%2F..%2Fb%3Fx/config/concurrency");
  EXPECT_EQ(authorization, "Bearer abc");
}

TEST(Client, TurnsAProblemIntoItsCodeAndDetail) {
  FakeServer server;
  server.http.Get("/tenants/x", [](const httplib::Request&, httplib::Response& response) {
    response.status = 404;
    response.set_content(R"({"title":"Not Found","status":404,"detail":"tenant x does not exist","code":"not_found"})",
                         "application/problem+json");
  });
  server.http.Get("/tenants/y", [](const httplib::Request&, httplib::Response& response) {
    response.status = 502;
    response.set_content("<html>", "text/html");
  });
  auto client = server.start();
  const auto missing = client.tenant("x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().cause, CallError::Cause::refused);
  EXPECT_EQ(missing.error().error, fail(ErrorCode::not_found, "tenant x does not exist"));
  const auto proxy = client.tenant("y");
  ASSERT_FALSE(proxy);
  EXPECT_EQ(proxy.error().error.message, "the server answered with HTTP status 502");
}

TEST(Client, AnAnswerItDoesNotUnderstandIsNeitherARefusalNorAnOutage) {
  FakeServer server;
  server.http.Get("/tenants", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("hello", "text/plain");
  });
  auto client = server.start();
  const auto tenants = client.tenants();
  ASSERT_FALSE(tenants);
  EXPECT_EQ(tenants.error().cause, CallError::Cause::answer);
}

TEST(Client, NobodyListeningIsUnreachableAndTheEndpointIsNamed) {
  for (const auto* text : {"unix:/nonexistent/mtmsgd.sock", "http://127.0.0.1:1"}) {
    Client client(Endpoint::parse(text).value(), {});
    const auto status = client.status();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().cause, CallError::Cause::unreachable);
    EXPECT_NE(status.error().error.message.find(text), std::string::npos) << status.error().error.message;
  }
}

TEST(Client, AServerThatDoesNotAnswerInTimeIsUnreachable) {
  FakeServer server;
  std::promise<void> done;
  server.http.Get("/tenants", [&](const httplib::Request&, httplib::Response&) { done.get_future().wait(); });
  auto client = server.start({std::chrono::seconds(1), ""});
  const auto tenants = client.tenants();
  done.set_value();
  ASSERT_FALSE(tenants);
  EXPECT_EQ(tenants.error().cause, CallError::Cause::unreachable);
}

TEST(Client, KeepsThePayloadOfAPublishByteForByte) {
  FakeServer server;
  std::string body;
  server.http.Post("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    body = request.body;
    response.status = 202;
    response.set_content(std::string(R"({"id":")") + kId + R"(","status":"queued"})", "application/json");
  });
  auto client = server.start();
  EXPECT_EQ(client.publish("acme", {"order-7", "[1e400, 1.50]"}).value().to_string(), kId);
  EXPECT_EQ(body, R"({"id":"order-7","payload":[1e400, 1.50]})");
}

TEST(Client, ReadsAResultForEachPublishedLine) {
  FakeServer server;
  server.http.Post("/tenants/acme/messages", [&](const httplib::Request&, httplib::Response& response) {
    response.status = 207;
    response.set_content(std::string(R"({"line":1,"id":")") + kId +
                             "\",\"status\":\"queued\"}\n"
                             R"({"line":2,"status":"failed","code":"invalid_argument","detail":"no"})",
                         "application/x-ndjson");
  });
  auto client = server.start();
  const auto lines = client.publish_lines("acme", "{}\n{}\n").value();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(std::get<Error>(lines[1].result), fail(ErrorCode::invalid_argument, "no"));
}

TEST(Client, AsksForAPageWithEveryBoundItWasGiven) {
  FakeServer server;
  std::string target;
  server.http.Get(R"(/.*)", [&](const httplib::Request& request, httplib::Response& response) {
    target = request.target;
    response.set_content(R"({"data":[{"seq":5},{"seq":6}],"next_cursor":"6","has_more":true,"epoch":1})",
                         "application/json");
  });
  auto client = server.start();
  const auto fetched = client.messages("acme", {"4", 2, "2026-01-31T12:00:00+01:00", std::nullopt}).value();
  EXPECT_EQ(target, "/tenants/acme/messages?cursor=4&limit=2&since=2026-01-31T12%3A00%3A00%2B01%3A00");
  ASSERT_EQ(fetched.page.rows.size(), 2U);
  EXPECT_EQ(fetched.page.rows[1], R"({"seq":6})");
  EXPECT_TRUE(fetched.page.tail.has_more);
  EXPECT_TRUE(client.messages(std::nullopt, {}));
  EXPECT_EQ(target, "/messages");
}

TEST(Client, WalksThePagesOfTenants) {
  FakeServer server;
  std::vector<std::string> asked;
  server.http.Get("/tenants", [&](const httplib::Request& request, httplib::Response& response) {
    asked.push_back(request.target);
    const bool first = asked.size() == 1;
    response.set_content(std::string(R"({"data":[)") + kTenant + R"(],"next_cursor":)" +
                             (first ? R"("acme","has_more":true})" : R"("beta","has_more":false})"),
                         "application/json");
  });
  auto client = server.start();
  TenantQuery query;
  query.state = TenantState::active;
  query.paused = true;
  query.name_prefix = "a";
  EXPECT_EQ(client.tenants(query).value().size(), 2U);
  EXPECT_EQ(asked,
            (std::vector<std::string>{"/tenants?limit=1000&state=active&paused=true&name_prefix=a",
                                      "/tenants?cursor=acme&limit=1000&state=active&paused=true&name_prefix=a"}));
}

TEST(Client, PagesThatDontGoOnAreNotFollowedForever) {
  FakeServer server;
  server.http.Get("/tenants", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(R"({"data":[],"next_cursor":"acme","has_more":true})", "application/json");
  });
  EXPECT_EQ(server.start().tenants().error().cause, CallError::Cause::answer);
}

TEST(Client, WaitsForAPageLongerThanForOtherAnswers) {
  FakeServer server;
  std::string target;
  server.http.Get("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    target = request.target;
    std::this_thread::sleep_for(std::chrono::milliseconds(1300));
    response.set_content(R"({"data":[],"next_cursor":"6","has_more":false,"epoch":1})", "application/json");
  });
  auto client = server.start({std::chrono::seconds(1), ""});
  MessageQuery query;
  query.wait = 2;
  EXPECT_TRUE(client.messages("acme", query));
  EXPECT_EQ(target, "/tenants/acme/messages?wait=2");
  query.wait.reset();
  EXPECT_EQ(client.messages("acme", query).error().cause, CallError::Cause::unreachable);
}

TEST(Client, SendsTheVersionsItExpectsAndTheKeyOfAPublish) {
  FakeServer server;
  std::string match, key;
  server.http.Patch("/tenants/acme", [&](const httplib::Request& request, httplib::Response& response) {
    match = request.get_header_value("If-Match");
    response.status = 412;
    response.set_content(R"({"detail":"it changed","code":"precondition_failed"})", "application/problem+json");
  });
  server.http.Post("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    key = request.get_header_value("Idempotency-Key");
    response.set_content(std::string(R"({"id":")") + kId + R"(","status":"queued"})", "application/json");
  });
  auto client = server.start();
  TenantUpdate change;
  change.workers = 5;
  change.expected = {Timestamp(std::chrono::microseconds(41)), Timestamp(std::chrono::microseconds(42))};
  EXPECT_EQ(client.update_tenant("acme", change).error().error.code, ErrorCode::precondition_failed);
  EXPECT_EQ(match, "\"41\", \"42\"");
  EXPECT_TRUE(client.publish("acme", {std::nullopt, "1"}, "k1"));
  EXPECT_EQ(key, "k1");
}

constexpr auto kStream = "{\"seq\":1}\n{\"seq\":2}\n{\"next_cursor\":\"2\",\"has_more\":false,\"epoch\":1}\n";

TEST(Client, StreamsLinesAndTellsAStreamThatWasCutFromOneThatEnded) {
  FakeServer server;
  bool cut = false;
  server.http.Get("/tenants/acme/messages", [&](const httplib::Request& request, httplib::Response& response) {
    EXPECT_EQ(request.get_header_value("Accept").find("application/x-ndjson"), 0U);
    response.set_chunked_content_provider("application/x-ndjson", [&](std::size_t, httplib::DataSink& sink) {
      const std::string_view all = kStream;
      const auto part = cut ? all.substr(0, 15) : all;
      for (const char& c : part) sink.write(&c, 1);
      if (cut) return false;
      sink.done();
      return true;
    });
  });
  auto client = server.start();
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  };
  const auto whole = client.stream_messages("acme", {}, keep).value();
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"seq\":1}", "{\"seq\":2}"}));
  ASSERT_TRUE(whole.tail);
  EXPECT_EQ(whole.tail->next_cursor, "2");
  lines.clear();
  cut = true;
  EXPECT_FALSE(client.stream_messages("acme", {}, keep).value().tail);
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"seq\":1}"}));
}

TEST(Client, GoesOnWithANewConnectionAfterTheServerClosedTheOldOne) {
  FakeServer server;
  server.http.set_keep_alive_max_count(1);
  server.http.Get("/tenants", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(R"({"data":[]})", "application/json");
  });
  auto client = server.start();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.tenants());
}

TEST(Client, AsksForDeadLettersWithEveryFilterSpelledOut) {
  FakeServer server;
  std::vector<std::string> asked;
  server.http.set_error_handler([&](const httplib::Request& request, httplib::Response& response) {
    asked.push_back(request.method + " " + request.target + " " + request.body);
    response.status = 200;
    response.set_content(R"({"data":[],"next_cursor":"7","has_more":false,"deleted":1,"would_delete":9})",
                         "application/json");
  });
  auto client = server.start();
  wire::DeadLetterSelection selection;
  EXPECT_EQ(client.dead_letters("a b", selection).value().page.tail.next_cursor, "7");
  selection.filter = {DeadReason::expired, Timestamp{}, Timestamp{}, true};
  selection.cursor = Sequence{5};
  selection.limit = 9;
  EXPECT_TRUE(client.dead_letters("t", selection));
  selection.all = true;
  EXPECT_EQ(client.purge_dead_letters("t", selection, true).value().would_delete, 9);
  EXPECT_EQ(client.replay("t", {{Sequence{3}}, {}, true}).value().next_cursor.value, 7);
  EXPECT_TRUE(client.delete_dead_letter("t", Sequence{3}));
  const std::string filter =
      "?reason=expired&since=1970-01-01T00%3A00%3A00.000000Z&until=1970-01-01T00%3A00%3A00.000000Z&replayed=true";
  EXPECT_EQ(
      asked,
      (std::vector<std::string>{
          "GET /tenants/a%20b/dead-letters ", "GET /tenants/t/dead-letters" + filter + "&cursor=5&limit=9 ",
          "DELETE /tenants/t/dead-letters" + filter + "&all=true&limit=9&dry_run=true ",
          R"(POST /tenants/t/dead-letters/replay {"seqs":[3],"dry_run":true})", "DELETE /tenants/t/dead-letters/3 "}));
}

TEST(LineSplitter, GivesTheSameLinesForEverySplit) {
  const std::string text = "one\n\nthree\nrest";
  for (std::size_t a = 0; a <= text.size(); ++a) {
    LineSplitter splitter(100);
    std::vector<std::string> lines;
    const auto keep = [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    };
    EXPECT_TRUE(splitter.feed(std::string_view(text).substr(0, a), keep));
    EXPECT_TRUE(splitter.feed(std::string_view(text).substr(a), keep));
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "three"}));
    EXPECT_EQ(splitter.rest(), "rest");
  }
}

TEST(LineSplitter, RefusesALineBeyondItsBound) {
  LineSplitter splitter(4);
  EXPECT_FALSE(splitter.feed("12345", [](std::string_view) { return true; }));
}

}  // namespace
}  // namespace mtmsg::client
