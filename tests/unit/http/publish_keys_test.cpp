#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/idempotency.hpp"
#include "tests/unit/http/api_fixture.hpp"
#include "wire/publish.hpp"

namespace mtmsg::http {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PublishKeysTest : public ApiTest {
 protected:
  void SetUp() override { tenant(); }
  Response publish(const std::string& key, const std::string& body, std::string_view type = "application/json") {
    return call("POST", "/tenants/acme/messages", body, {.type = type, .headers = {{"Idempotency-Key", key}}});
  }
  /// Of what was published, in order; and forgets it.
  std::vector<std::string> ids() {
    std::vector<std::string> all;
    for (const auto& each : std::exchange(world_.published, {})) all.push_back(each.message_id);
    return all;
  }
};

TEST_F(PublishKeysTest, AMessageThatIsSentAgainUnderItsKeyIsTheSameMessage) {
  const auto first = publish("k", R"({"payload":{"n":1}})");
  ASSERT_EQ(first.status, 202) << first.body;
  const auto again = publish("k", R"( {"payload": {"n":1}} )");
  EXPECT_EQ(wire::read_published(again.body).value(), wire::read_published(first.body).value());
  const auto sent = ids();
  EXPECT_EQ(sent[0], sent[1]);
  EXPECT_EQ(sent[0], wire::read_published(first.body)->to_string());
  publish("other", R"({"payload":{"n":1}})");
  publish("k", R"({"payload":{"n":2}})");
  tenant("beta");
  call("POST", "/tenants/beta/messages", R"({"payload":{"n":1}})", {.headers = {{"Idempotency-Key", "k"}}});
  const auto others = ids();
  EXPECT_THAT(std::set<std::string>(others.begin(), others.end()), SizeIs(3));
  EXPECT_EQ(std::ranges::find(others, sent[0]), others.end());
}

TEST_F(PublishKeysTest, AnIdOfItsOwnCountsMoreThanTheKey) {
  publish("k", R"({"id":"order-7","payload":1})");
  EXPECT_EQ(ids(), std::vector<std::string>{"order-7"});
}

TEST_F(PublishKeysTest, EqualLinesAreMessagesOfTheirOwnAndAgainTheSameOnes) {
  const std::string body = "{\"payload\":1}\n{\"payload\":1}\n\n{\"id\":\"x\",\"payload\":1}\n{\"payload\":2}\n";
  EXPECT_EQ(publish("k", body, "application/x-ndjson").status, 202);
  const auto first = ids();
  ASSERT_THAT(first, SizeIs(4));
  EXPECT_THAT(std::set<std::string>(first.begin(), first.end()), SizeIs(4));
  EXPECT_EQ(publish("k", body, "application/x-ndjson").status, 202);
  EXPECT_EQ(ids(), first);
}

TEST_F(PublishKeysTest, WithoutAKeyEachIsANewMessage) {
  call("POST", "/tenants/acme/messages", R"({"payload":1})");
  call("POST", "/tenants/acme/messages", R"({"payload":1})");
  const auto sent = ids();
  EXPECT_NE(sent[0], sent[1]);
}

TEST_F(PublishKeysTest, EveryPostRefusesAMalformedKey) {
  const std::string good(255, 'k');
  for (const auto& [target, body] :
       std::vector<std::pair<std::string, std::string>>{{"/tenants/acme/messages", R"({"payload":1})"},
                                                        {"/tenants/acme/pause", ""},
                                                        {"/tenants/acme/resume", ""},
                                                        {"/tenants/acme/dead-letters/replay", R"({"all":true})"},
                                                        {"/migrations", "{}"}}) {
    for (const auto& wrong : {std::string(), std::string(256, 'k'), std::string("a\tb"), std::string("\xc3\xbc")}) {
      const auto answer = call("POST", target, body, {.headers = {{"Idempotency-Key", wrong}}});
      EXPECT_EQ(answer.status, 400) << target;
      EXPECT_THAT(detail(answer), HasSubstr("Idempotency-Key")) << target;
    }
    EXPECT_LT(call("POST", target, body, {.headers = {{"Idempotency-Key", good}}}).status, 300) << target;
  }
  EXPECT_THAT(world_.published, SizeIs(1));
  EXPECT_EQ(call("GET", "/tenants", {}, {.headers = {{"Idempotency-Key", ""}}}).status, 200)
      << "it means nothing there";
}

TEST_F(PublishKeysTest, OnlyFailuresAreToldWhereOnlyTheyAreWanted) {
  world_.limits.max_publish_lines = 2;
  world_.limits.max_told_failures = 2;
  std::string body;
  for (int n = 1; n <= 100; ++n) body += n % 10 == 0 ? "nonsense\n" : "{\"payload\":" + std::to_string(n) + "}\n";
  const auto answer =
      call("POST", "/tenants/acme/messages?results=errors", body + "\n", {.type = "application/x-ndjson"});
  EXPECT_EQ(answer.status, 207);
  EXPECT_THAT(world_.published, SizeIs(90));
  std::vector<std::string> told;
  std::istringstream text(answer.body);
  for (std::string line; std::getline(text, line);) told.push_back(line);
  ASSERT_THAT(told, SizeIs(3));
  EXPECT_EQ(wire::read_publish_line(told[0])->line, 10U);
  EXPECT_EQ(wire::read_publish_line(told[1])->line, 20U);
  EXPECT_EQ(wire::read_publish_summary(told[2]).value(), (wire::PublishSummary{100, 90, 10}));
  const auto good = call("POST", "/tenants/acme/messages?results=errors", "{\"payload\":1}\n{\"payload\":1}\n",
                         {.type = "application/x-ndjson"});
  EXPECT_EQ(good.status, 202);
  EXPECT_EQ(wire::read_publish_summary(good.body).value(), (wire::PublishSummary{2, 2, 0}));
  EXPECT_EQ(call("POST", "/tenants/acme/messages?results=some", "{\"payload\":1}").status, 400);
}

}  // namespace
}  // namespace mtmsg::http
