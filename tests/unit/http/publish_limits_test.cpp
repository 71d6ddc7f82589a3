#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/publish.hpp"

namespace mtmsg::http {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class PublishLimitsTest : public ApiTest {
 protected:
  void make(const std::string& name, Limit limit, std::uint64_t value) {
    NewTenant request{name, {}};
    request.limits[limit] = value;
    world_.tenants.create(request).value();
  }
  Response publish(const std::string& name, std::string body = R"({"payload":1})") {
    return call("POST", "/tenants/" + name + "/messages", std::move(body));
  }
  static std::vector<std::string> codes(const Response& answer) {
    std::vector<std::string> found;
    for (std::size_t at = 0, end = 0; (end = answer.body.find('\n', at)) != std::string::npos; at = end + 1) {
      const auto line = wire::read_publish_line(std::string_view(answer.body).substr(at, end - at)).value();
      const auto* error = std::get_if<Error>(&line.result);
      found.emplace_back(error ? error_code_name(error->code) : "ok");
    }
    return found;
  }
};

TEST_F(PublishLimitsTest, ATenantThatIsTooFastIsToldWhenToComeBack) {
  make("slow", Limit::publish_rate, 2);
  make("other", Limit::publish_rate, 2);
  EXPECT_EQ(publish("slow").status, 202);
  EXPECT_EQ(publish("slow").status, 202);
  const auto refused = publish("slow");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(code(refused), "rate_limited");
  EXPECT_THAT(detail(refused), HasSubstr("publish_rate"));
  EXPECT_THAT(refused.headers, Contains(Pair("Retry-After", "1")));
  EXPECT_EQ(publish("other").status, 202);
  EXPECT_THAT(world_.published, SizeIs(3));
  world_.now += std::chrono::milliseconds(500);
  EXPECT_EQ(publish("slow").status, 202);
  EXPECT_EQ(publish("slow").status, 429);
  EXPECT_THAT(world_.failures, IsEmpty());
}

TEST_F(PublishLimitsTest, AWrongMessageCostsNothing) {
  make("slow", Limit::publish_rate, 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(publish("slow", R"({"payload":tru})").status, 400);
  EXPECT_EQ(publish("slow").status, 202);
}

TEST_F(PublishLimitsTest, TheConfiguredRateCountsWhereATenantHasNone) {
  world_.tenants.default_values.limits[Limit::publish_rate] = 1;
  tenant();
  make("free", Limit::publish_rate, 0);
  EXPECT_EQ(publish("acme").status, 202);
  EXPECT_EQ(publish("acme").status, 429);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(publish("free").status, 202);
}

TEST_F(PublishLimitsTest, LinesThatAreTooManyAreRefusedOneByOneAndNotPublished) {
  make("acme", Limit::publish_rate, 3);
  std::string body;
  for (int n = 0; n < 50; ++n) body += "{\"payload\":" + std::to_string(n) + "}\n";
  const auto some = lines(body);
  EXPECT_EQ(some.status, 207);
  auto found = codes(some);
  ASSERT_THAT(found, SizeIs(50));
  EXPECT_EQ(found[2], "ok");
  EXPECT_EQ(std::count(found.begin() + 3, found.end(), "rate_limited"), 47);
  EXPECT_THAT(world_.published, SizeIs(3));
  const auto none = lines(body.substr(0, 14));
  EXPECT_EQ(none.status, 429);
  EXPECT_EQ(code(none), "rate_limited");
  EXPECT_THAT(none.headers, Contains(Pair("Retry-After", "1")));
}

TEST_F(PublishLimitsTest, ATenantsOwnMessageSizeCountsBeforeTheBroker) {
  make("acme", Limit::max_message_bytes, 100);
  make("large", Limit::max_message_bytes, 4 << 20);
  const auto text = "{\"payload\":\"" + std::string(200, 'x') + "\"}";
  EXPECT_EQ(publish("acme", text).status, 413);
  EXPECT_THAT(lines(text + "\n{\"payload\":1}\n").body, HasSubstr("too_large"));
  EXPECT_EQ(publish("large", "{\"payload\":\"" + std::string(2 << 20, 'x') + "\"}").status, 202);
  EXPECT_THAT(world_.published, SizeIs(2));
}

TEST_F(PublishLimitsTest, AFullQueueIsNamedAsWhatItProbablyIs) {
  make("acme", Limit::max_queue_length, 1000);
  world_.broker_error = fail(ErrorCode::broker_rejected, "nacked");
  for (const auto& refused : {publish("acme"), lines("{\"payload\":1}\n{\"payload\":2}\n")}) {
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(code(refused), "broker_rejected");
    EXPECT_THAT(detail(refused), HasSubstr("full (max_queue_length is 1000)"));
    EXPECT_THAT(refused.headers, Contains(Pair("Retry-After", "5")));
  }
  EXPECT_THAT(world_.failures, IsEmpty()) << "nobody is woken for it";
}

}  // namespace
}  // namespace mtmsg::http
