// Lists, waiting readers, conditions and retries, with the daemon as it is.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/transport.hpp"
#include "support/exchanges.hpp"
#include "support/world.hpp"
#include "tests/integration/http_client.hpp"
#include "wire/message.hpp"
#include "wire/publish.hpp"

namespace mtmsg {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;
using testing::SizeIs;

client::Client client_of(const std::string& endpoint) {
  return {client::Endpoint::parse(endpoint).value(), test::client_options()};
}

client::MessageQuery after(const std::string& cursor, unsigned wait) {
  client::MessageQuery query;
  query.cursor = cursor;
  query.wait = wait;
  return query;
}

/// What came in, as its payloads.
std::vector<std::string> payloads(const client::FetchedPage& fetched) {
  std::vector<std::string> all;
  for (const auto row : fetched.page.rows) all.push_back(wire::read_message(row).value().payload);
  return all;
}

std::string path_of(const std::string& endpoint) {
  return endpoint.substr(std::string("unix:").size());
}

std::string get(const std::string& target, const std::string& headers = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

TEST(HttpWait, AReaderHasTheNextMessageAsSoonAsItIsStored) {
  test::World world;
  world.start_daemon();
  world.create_tenant("acme");
  world.create_tenant("other");
  auto reader = std::async(std::launch::async, [&] {
    auto client = client_of(world.endpoint());
    std::vector<std::string> seen;
    std::string cursor;
    while (seen.size() < 20) {
      const auto page = client.messages("acme", after(cursor, 30)).value();
      EXPECT_FALSE(page.page.rows.empty());
      for (auto& payload : payloads(page)) seen.push_back(std::move(payload));
      cursor = page.page.tail.next_cursor;
    }
    return seen;
  });
  const auto begin = Clock::now();
  std::vector<std::string> sent;
  for (int n = 0; n < 20; ++n) {
    sent.push_back(std::to_string(n));
    ASSERT_TRUE(world.client().publish("other", {std::nullopt, "0"}));
    ASSERT_TRUE(world.client().publish("acme", {std::nullopt, sent.back()}));
    std::this_thread::sleep_for(5ms);  // so that the reader waits now and then
  }
  EXPECT_EQ(reader.get(), sent);
  EXPECT_LT(Clock::now() - begin, 10s);
}

TEST(HttpWait, WithoutAMessageThePageIsEmptyWhenTheTimeIsOver) {
  test::World world;
  world.start_daemon();
  world.create_tenant("acme");
  const auto begin = Clock::now();
  const auto page = world.client().messages("acme", after("", 1)).value();
  EXPECT_GE(Clock::now() - begin, 990ms);
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_THAT(page.page.rows, SizeIs(0));
  EXPECT_EQ(page.page.tail.next_cursor, "0");
}

TEST(HttpWait, WhatAnotherDaemonStoresIsHeardOfToo) {
  test::World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme");
  auto reader = std::async(std::launch::async, [&] {
    auto client = client_of(world.endpoint());
    return payloads(client.messages("acme", after("", 30)).value());
  });
  // Nothing rings here for what is written so: it is found in the counters.
  std::this_thread::sleep_for(300ms);
  const auto id = "'" + tenant.id.to_string() + "'";
  const auto begin = Clock::now();
  world.sql("with counted as (update tenant_counters set last_seq = 1 where tenant_id = " + id +
            " returning 1) insert into messages (tenant_id, seq, id, payload, headers, created_at) select " + id +
            ", 1, gen_random_uuid(), '\"from elsewhere\"', '{}', now() from counted returning 1");
  EXPECT_EQ(reader.get(), std::vector<std::string>{"\"from elsewhere\""});
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(HttpWait, HundredsWaitAndOthersDontNoticeIt) {
  test::World world(test::Settings{{"MTMSG_HTTP_MAX_CONNECTIONS_PER_CLIENT", "500"}});
  world.start_daemon();
  world.create_tenant("acme");
  std::vector<test::RawClient> readers;
  for (int i = 0; i < 400; ++i) {
    readers.push_back(test::RawClient::unix_socket(path_of(world.endpoint())));
    ASSERT_TRUE(readers.back().send(get("/tenants/acme/messages?wait=60")));
  }
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(world.client().status());
  ASSERT_TRUE(world.client().publish("acme", {std::nullopt, "\"for all\""}));
  for (auto& reader : readers) EXPECT_THAT(reader.read_until("for all"), HasSubstr("for all"));
}

TEST(HttpWait, TooManyAreRefusedAndWhoLeavesMakesRoom) {
  test::World world(test::Settings{{"MTMSG_HTTP_MAX_WAITING", "4"}});
  world.start_daemon();
  world.create_tenant("acme");
  const auto path = path_of(world.endpoint());
  std::vector<test::RawClient> readers;
  const auto status = [&] {
    auto third = client_of(world.endpoint());
    const auto answer = third.messages("acme", after("", 1));
    return answer ? std::string("waited") : answer.error().error.message;
  };
  EXPECT_TRUE(test::eventually([&] {
    readers.push_back(test::RawClient::unix_socket(path));
    readers.back().send(get("/tenants/acme/messages?wait=60"));
    return status().find("too many requests wait") != std::string::npos;
  }));
  readers.clear();
  EXPECT_TRUE(test::eventually([&] { return status() == "waited"; }));
}

TEST(HttpWait, AStopAnswersWhoWaitsAndADeleteTellsHim) {
  test::World world;
  world.start_daemon();
  world.create_tenant("acme");
  world.create_tenant("beta");
  const auto path = path_of(world.endpoint());
  auto reader = test::RawClient::unix_socket(path);
  reader.send(get("/tenants/acme/messages?wait=60"));
  auto deleted = test::RawClient::unix_socket(path);
  deleted.send(get("/tenants/beta/messages?wait=60"));
  ASSERT_TRUE(world.client().status());
  std::this_thread::sleep_for(200ms);
  ASSERT_TRUE(world.client().delete_tenant("beta"));
  EXPECT_THAT(deleted.read_until("not_found"), HasSubstr("HTTP/1.1 404"));
  EXPECT_EQ(world.stop_daemon(), 0);
  EXPECT_THAT(reader.read_all(), HasSubstr("\"data\":[]"));
}

TEST(HttpConditions, AChangeIsMadeToWhatWasSeenOrNotAtAll) {
  test::World world;
  world.start_daemon();
  auto& client = world.client();
  world.create_tenant("acme");
  const auto seen = client.tenant("acme").value().tenant;
  TenantUpdate change;
  change.workers = 7;
  change.expected = {seen.updated_at};
  EXPECT_EQ(client.update_tenant("acme", change).value().workers, 7U);
  change.workers = 8;
  EXPECT_EQ(client.update_tenant("acme", change).error().error.code, ErrorCode::precondition_failed);
  EXPECT_EQ(client.tenant("acme").value().tenant.workers, 7U);

  client::Transport transport(client::Endpoint::parse(world.endpoint()).value(), test::client_options());
  const auto send = [&](const std::string& method, const std::string& target, const std::string& header,
                        const std::string& value, const std::string& body = {}) {
    client::HttpRequest request{method, target, body, body.empty() ? "" : "application/json"};
    request.headers.emplace_back(header, value);
    return transport.exchange(request).value().status;
  };
  EXPECT_EQ(send("POST", "/tenants/acme/pause", "If-Match", "\"1\""), 412);
  EXPECT_FALSE(client.tenant("acme").value().tenant.paused);
  EXPECT_EQ(send("POST", "/tenants/acme/pause", "If-Match", "*"), 200);
  EXPECT_EQ(send("PUT", "/tenants/acme/config/concurrency", "If-Match", "\"1\", W/\"2\"", R"({"workers":2})"), 412);
  EXPECT_EQ(send("DELETE", "/tenants/acme", "If-Match", "\"1\""), 412);
  EXPECT_EQ(send("DELETE", "/tenants/acme", "If-Match", "what"), 400);
  EXPECT_EQ(client.tenant("acme").value().tenant.state, TenantState::active);

  auto raw = test::RawClient::unix_socket(path_of(world.endpoint()));
  raw.send(get("/tenants/acme/config/concurrency"));
  const auto shown = raw.read_until("\"workers\"");
  const auto at = shown.find("ETag: ") + 6;
  const auto etag = shown.substr(at, shown.find("\r\n", at) - at);
  raw.forget();
  raw.send(get("/tenants/acme/config/concurrency", "If-None-Match: " + etag + "\r\n") + get("/healthz"));
  const auto answers = raw.read_until("\"ok\"");
  EXPECT_THAT(answers, testing::StartsWith("HTTP/1.1 304 "));
  EXPECT_THAT(answers, HasSubstr("ETag: " + etag));
  EXPECT_THAT(answers, testing::Not(HasSubstr("\"workers\"")));
  EXPECT_EQ(send("DELETE", "/tenants/acme", "If-Match", etag), 204);
}

TEST(HttpKeys, AMessageThatIsSentAgainUnderItsKeyIsStoredOnce) {
  test::World world;
  world.start_daemon();
  auto& client = world.client();
  world.create_tenant("acme");
  const auto first = client.publish("acme", {std::nullopt, R"({"n":1})"}, "k1").value();
  EXPECT_EQ(client.publish("acme", {std::nullopt, R"({"n":1})"}, "k1").value(), first);
  const std::string lines = "{\"payload\":1}\n{\"payload\":1}\n";
  for (int i = 0; i < 2; ++i) EXPECT_THAT(client.publish_lines("acme", lines, "k2").value(), SizeIs(2));
  EXPECT_TRUE(test::eventually([&] { return world.queues_empty() && world.stored() == 3; })) << world.picture();
  EXPECT_EQ(world.number("select count(*) from messages where id = '" + first.to_string() + "'"), 1);
}

TEST(HttpKeys, AToolThatPublishesThroughARestartStoresEachLineOnce) {
  test::World world;
  world.start_daemon();
  world.create_tenant("acme");
  const int count = 20'000;
  const auto file = world.folder() + "/lines";
  {
    std::ofstream out(file);
    for (int n = 0; n < count; ++n) out << "{\"n\":" << n << "}\n";
  }
  test::Process tool({test::mtmsgctl_path(), "--endpoint", world.endpoint(), "--timeout", "120", "message", "publish",
                      "acme", "--file", file},
                     {}, world.folder() + "/tool.log");
  ASSERT_TRUE(test::eventually([&] { return world.stored() > 2000; })) << tool.output();
  world.kill_daemon();
  world.start_daemon();
  EXPECT_EQ(tool.wait(150s), 0) << tool.output();
  EXPECT_THAT(tool.output(), HasSubstr("published 20,000 messages"));
  EXPECT_TRUE(test::eventually([&] { return world.queues_empty() && world.stored() >= count; })) << world.picture();
  EXPECT_EQ(world.number("select count(distinct payload) from messages"), count);
  EXPECT_EQ(world.stored(), count);
  EXPECT_EQ(world.gaps_and_doubles(), "");
}

TEST(HttpLists, TenantsComePageAfterPageAndAsTheirFiltersSay) {
  test::World world;
  world.start_daemon();
  auto& client = world.client();
  for (const auto* name : {"eu-b", "eu-a", "us-a", "eu-c"}) world.create_tenant(name);
  ASSERT_TRUE(client.pause_tenant("eu-b"));
  client::Transport transport(client::Endpoint::parse(world.endpoint()).value(), test::client_options());
  const auto names = [&](const std::string& query) {
    const auto answer = transport.send({"GET", "/tenants" + query, {}, {}}).value();
    const auto page = wire::read_tenants(answer.body).value();
    std::string all;
    for (const auto& tenant : page.data) all += tenant.name + " ";
    return all + page.next_cursor + (page.has_more ? " more" : "");
  };
  EXPECT_EQ(names(""), "eu-a eu-b eu-c us-a us-a");
  EXPECT_EQ(names("?limit=3"), "eu-a eu-b eu-c eu-c more");
  EXPECT_EQ(names("?limit=3&cursor=eu-c"), "us-a us-a");
  EXPECT_EQ(names("?limit=1&name_prefix=eu-"), "eu-a eu-a more");
  EXPECT_EQ(names("?name_prefix=eu-&paused=false"), "eu-a eu-c eu-c");
  EXPECT_EQ(names("?state=active&paused=true"), "eu-b eu-b");
  EXPECT_EQ(names("?state=deleting"), "");
  const auto third = format_timestamp(client.tenant("us-a").value().tenant.created_at);
  EXPECT_EQ(names("?since=" + third), "eu-c us-a us-a");
  EXPECT_EQ(names("?until=" + third), "eu-a eu-b eu-b");
}

TEST(HttpLists, ABodyOfAnyNumberOfLinesIsAnsweredInAFewWords) {
  test::World world(test::Settings{{"MTMSG_HTTP_MAX_BODY_BYTES", "64MiB"}});
  world.start_daemon();
  world.create_tenant("acme");
  const int count = 150'000;
  std::string lines;
  for (int n = 0; n < count; ++n) lines += n % 50'000 == 7 ? "nonsense\n" : "{\"payload\":" + std::to_string(n) + "}\n";
  client::Options options;
  options.timeout = 120s;
  client::Transport transport(client::Endpoint::parse(world.endpoint()).value(), options);
  const auto answer =
      transport.exchange({"POST", "/tenants/acme/messages?results=errors", lines, "application/x-ndjson"}).value();
  EXPECT_EQ(answer.status, 207);
  EXPECT_EQ(std::ranges::count(answer.body, '\n'), 4);
  const auto last = answer.body.substr(answer.body.rfind('\n', answer.body.size() - 2) + 1);
  EXPECT_EQ(wire::read_publish_summary(last).value(), (wire::PublishSummary{count, count - 3, 3}));
  EXPECT_TRUE(test::eventually([&] { return world.stored() == count - 3; }, 60s)) << world.stored();
}

}  // namespace
}  // namespace mtmsg
