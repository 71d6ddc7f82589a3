// The whole API over real sockets, with a client that is not ours, on services in memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "core/uuid.hpp"
#include "http/api.hpp"
#include "http/server.hpp"
#include "tests/unit/http/fakes.hpp"
#include "wire/message.hpp"
#include "wire/problem.hpp"
#include "wire/publish.hpp"

namespace mtmsg::http {
namespace {

using testing::SizeIs;

class HttpApiTest : public testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.tcp = parse_listen_address("127.0.0.1:0").value();
    options.unix_socket = UnixListen{path_, 0600, {}};
    options.limits.request.body_bytes = 64 << 20;
    server_ = std::make_unique<Server>(
        options, [this](Request& request) { return api_.handle(request); }, nullptr);
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  void TearDown() override { server_->stop(); }

  httplib::Client tcp() const { return httplib::Client("127.0.0.1", server_->port()); }
  std::unique_ptr<httplib::Client> local() const {
    auto client = std::make_unique<httplib::Client>(path_.c_str());
    client->set_address_family(AF_UNIX);
    client->set_keep_alive(true);
    return client;
  }

  const std::string path_ = "/tmp/mtmsg-http-api-test-" + std::to_string(::getpid()) + ".sock";
  fakes::World world_;
  const Api api_{world_.services(), auth::Authenticator(auth::Mode::jwt)};
  std::unique_ptr<Server> server_;
};

TEST_F(HttpApiTest, GoesFromATenantToItsMessages) {
  auto client = local();
  const auto created = client->Post("/tenants", R"({"name":"acme"})", "application/json");
  ASSERT_TRUE(created);
  EXPECT_EQ(created->status, 201);
  const auto shown = client->Get(created->get_header_value("Location").c_str());
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->status, 200);
  const auto queued = client->Post("/tenants/acme/messages", R"({"payload":{"n":1e400}})", "application/json");
  ASSERT_TRUE(queued);
  EXPECT_EQ(queued->status, 202);
  ASSERT_THAT(world_.published, SizeIs(1));
  EXPECT_EQ(world_.published[0].body, R"({"n":1e400})");
  const auto removed = client->Delete("/tenants/acme");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->status, 204);
  EXPECT_EQ(client->Get("/tenants/acme")->status, 404);
}

TEST_F(HttpApiTest, ShowsTcpOnlyHealth) {
  auto client = tcp();
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  const auto refused = client.Get("/tenants");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(refused->get_header_value("Content-Type"), "application/problem+json");
  EXPECT_EQ(wire::read_problem(refused->body)->code, "unauthenticated");
}

TEST_F(HttpApiTest, StreamsTenThousandRows) {
  const auto tenant = world_.tenants.create({"acme", {}})->id;
  for (int n = 0; n < 10'000; ++n) world_.messages.add(tenant, "{\"row\":" + std::to_string(n) + "}");
  std::string text;
  auto client = local();
  const auto answer = client->Get("/tenants/acme/messages", {{"Accept", "application/x-ndjson"}},
                                  [&](const char* data, std::size_t size) {
                                    text.append(data, size);
                                    return true;
                                  });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10'001);
  const auto last = std::string_view(text).substr(text.rfind('\n', text.size() - 2) + 1);
  EXPECT_EQ(wire::read_page_tail(last)->next_cursor, "10000");
}

TEST_F(HttpApiTest, TakesALongNdjsonBodyInPieces) {
  world_.tenants.create({"acme", {}}).value();
  const int lines = 50'000;
  int sent = 0;
  auto client = local();
  const auto answer = client->Post(
      "/tenants/acme/messages",
      [&](std::size_t, httplib::DataSink& sink) {
        std::string piece;
        for (int n = 0; n < 1000; ++n) piece += "{\"payload\":{\"n\":" + std::to_string(sent++) + "}}\n";
        sink.write(piece.data(), piece.size());
        if (sent == lines) sink.done();
        return true;
      },
      "application/x-ndjson");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202);
  EXPECT_EQ(std::count(answer->body.begin(), answer->body.end(), '\n'), lines);
  ASSERT_THAT(world_.published, SizeIs(lines));
  EXPECT_EQ(world_.published.back().body, "{\"n\":49999}");
}

TEST_F(HttpApiTest, AnswersWithTheRequestsIdWhateverTheAnswer) {
  auto client = local();
  client->set_default_headers({{"X-Request-Id", "order-7"}});
  EXPECT_EQ(client->Get("/healthz")->get_header_value("X-Request-Id"), "order-7");
  const auto missing = client->Get("/tenants/none");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->get_header_value("X-Request-Id"), "order-7");
  EXPECT_EQ(wire::read_problem(missing->body)->request_id, "order-7");
  // Refused before anybody looked for a route.
  client->set_default_headers({{"X-Request-Id", "order-8"}, {"Content-Encoding", "br"}});
  const auto refused = client->Get("/healthz");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 415);
  EXPECT_TRUE(Uuid::parse(refused->get_header_value("X-Request-Id")));
  EXPECT_EQ(wire::read_problem(refused->body)->request_id, refused->get_header_value("X-Request-Id"));
}

TEST_F(HttpApiTest, GivesAProblemForHeadsAndMethodsItDoesNotTake) {
  auto client = local();
  EXPECT_EQ(client->Head("/healthz")->status, 200);
  const auto options = client->Options("/tenants");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->status, 405);
  EXPECT_EQ(options->get_header_value("Allow"), "POST, GET, HEAD");
}

}  // namespace
}  // namespace mtmsg::http
