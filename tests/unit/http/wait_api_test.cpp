#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/message.hpp"

namespace mtmsg::http {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class WaitApiTest : public ApiTest {
 protected:
  void SetUp() override { acme_ = tenant(); }

  /// As the gate does it: registers, and counts calls.
  void begin(const Response& response) {
    ASSERT_TRUE(response.later);
    response.later->begin([this] { ++calls_; });
  }
  static Response resume(const Response& response, Later::Why why = Later::Why::called) {
    const std::vector<HeaderLine> headers;
    const auto peer = unix_peer();
    Pieces nothing("");
    Request again{"GET", "/tenants/acme/messages", headers, peer, nothing};
    auto answer = response.later->resume(why, again);
    return answer ? std::move(*answer) : Response::of(answer.error());
  }
  void store(const std::string& payload) {
    world_.messages.add(acme_, payload);
    world_.waiters.ring(acme_, Sequence{static_cast<std::int64_t>(world_.messages.rows(acme_).size())});
  }

  TenantId acme_;
  int calls_ = 0;
};

TEST_F(WaitApiTest, WhatIsThereIsAnsweredAtOnce) {
  store("1");
  const auto answer = call("GET", "/tenants/acme/messages?wait=30");
  EXPECT_FALSE(answer.later);
  EXPECT_THAT(wire::read_page(answer.body).value().rows, SizeIs(1));
  EXPECT_FALSE(world_.waiters.anybody());
}

TEST_F(WaitApiTest, AReaderIsCalledForTheNextMessageAndShownIt) {
  store("1");
  const auto answer = call("GET", "/tenants/acme/messages?cursor=1&wait=30");
  begin(answer);
  EXPECT_GT(answer.later->deadline, std::chrono::steady_clock::now() + std::chrono::seconds(25));
  EXPECT_LT(answer.later->deadline, std::chrono::steady_clock::now() + std::chrono::seconds(31));
  EXPECT_EQ(calls_, 0);
  store("2");
  EXPECT_EQ(calls_, 1);
  const auto resumed = resume(answer);  // what the page's rows point into
  const auto page = wire::read_page(resumed.body).value();
  ASSERT_THAT(page.rows, SizeIs(1));
  EXPECT_EQ(wire::read_message(page.rows[0])->payload, "2");
  EXPECT_EQ(page.tail.next_cursor, "2");
}

TEST_F(WaitApiTest, CalledTooEarlyItWaitsAgain) {
  const auto answer = call("GET", "/tenants/acme/messages?wait=30");
  begin(answer);
  const auto again = resume(answer);
  ASSERT_TRUE(again.later);
  EXPECT_EQ(again.later->deadline, answer.later->deadline) << "no longer than it was asked for";
  begin(again);
  store("1");
  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(wire::read_page(resume(again).body).value().rows, SizeIs(1));
}

TEST_F(WaitApiTest, InTheEndItAnswersAnEmptyPageWithoutAnotherLook) {
  const auto answer = call("GET", "/tenants/acme/messages?cursor=7&wait=1");
  begin(answer);
  const int looks = world_.messages.pages;
  world_.messages.outage_after = 0;
  const auto over = resume(answer, Later::Why::over);
  EXPECT_EQ(over.status, 200);
  EXPECT_FALSE(over.later);
  EXPECT_EQ(world_.messages.pages, looks);
  const auto page = wire::read_page(over.body).value();
  EXPECT_THAT(page.rows, SizeIs(0));
  EXPECT_EQ(page.tail.next_cursor, "7");
}

TEST_F(WaitApiTest, AStreamBeginsWithWhatWasWaitedFor) {
  const auto answer = call("GET", "/tenants/acme/messages?wait=30", {}, {.accept = "application/x-ndjson"});
  begin(answer);
  store("1");
  store("2");
  auto stream = resume(answer);
  EXPECT_EQ(stream.content_type, "application/x-ndjson");
  std::string text;
  while (stream.stream(text) == StreamStep::more) {
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST_F(WaitApiTest, AnOutageMeanwhileIsAProblemLikeAnyOther) {
  const auto answer = call("GET", "/tenants/acme/messages?wait=30");
  begin(answer);
  world_.messages.outage_after = 0;
  const auto failed = resume(answer);
  EXPECT_EQ(failed.status, 503);
  EXPECT_EQ(code(failed), "database_unavailable");
  EXPECT_THAT(world_.failures, SizeIs(1));
}

TEST_F(WaitApiTest, WhoIsGoneIsForgotten) {
  {
    const auto answer = call("GET", "/tenants/acme/messages?wait=30");
    begin(answer);
    EXPECT_EQ(world_.waiters.count(), 1U);
  }
  EXPECT_FALSE(world_.waiters.anybody());
}

TEST_F(WaitApiTest, TooManyAreToldToAskWithoutWaiting) {
  std::vector<Response> waiting;
  for (int i = 0; i < 50; ++i) waiting.push_back(call("GET", "/tenants/acme/messages?wait=30"));
  const auto refused = call("GET", "/tenants/acme/messages?wait=30");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(code(refused), "overloaded");
  store("1");
  EXPECT_EQ(call("GET", "/tenants/acme/messages?wait=30").status, 200) << "nothing to wait for";
}

TEST_F(WaitApiTest, WaitsForWhatCanComeAndNotForever) {
  for (const auto* wrong : {"wait=0", "wait=61", "wait=", "wait=-1", "wait=1.5", "wait=1s", "wait=99999999999999999999",
                            "wait=5&until=2026-01-01T00:00:00Z", "wait=5&since=9999-01-01T00:00:00Z", "wait=1&wait=2"})
    EXPECT_EQ(call("GET", std::string("/tenants/acme/messages?") + wrong).status, 400) << wrong;
  EXPECT_TRUE(call("GET", "/tenants/acme/messages?wait=60&since=2026-01-01T00:00:00Z").later);
  const auto all = call("GET", "/messages?wait=5");
  EXPECT_EQ(all.status, 400);
  EXPECT_THAT(detail(all), HasSubstr("does not wait"));
}

}  // namespace
}  // namespace mtmsg::http
