#include "http/request_id.hpp"

#include <gmock/gmock.h>

#include "core/uuid.hpp"
#include "tests/unit/http/api_fixture.hpp"
#include "wire/problem.hpp"

namespace mtmsg::http {
namespace {

using testing::ElementsAre;

TEST(RequestId, IsTheClientsOwnWhenItIsOne) {
  EXPECT_EQ(request_id_of({{"Host", "h"}, {"x-request-id", "Order-7_b.1"}}), "Order-7_b.1");
  const std::string longest(128, 'a');
  EXPECT_EQ(request_id_of({{"X-Request-Id", longest}}), longest);
}

TEST(RequestId, IsAFreshOneWhenTheClientsIsNone) {
  const std::string too_long(129, 'a');
  for (const std::string_view text :
       {std::string_view(""), std::string_view("a b"), std::string_view("a\"b"), std::string_view("a=b"),
        std::string_view("\xC3\xA4"), std::string_view(too_long)}) {
    const auto id = request_id_of({{"X-Request-Id", text}});
    EXPECT_TRUE(Uuid::parse(id)) << text;
    EXPECT_NE(id, request_id_of({{"X-Request-Id", text}}));
  }
  EXPECT_TRUE(Uuid::parse(request_id_of({})));
}

TEST_F(ApiTest, NamesTheRequestInAProblemAndInTheLog) {
  world_.tenants.outage = fail(ErrorCode::internal, "constraint xyz");
  const auto answer = call("GET", "/tenants/acme", {}, {.headers = {{"X-Request-Id", "mine-1"}}});
  EXPECT_EQ(wire::read_problem(answer.body)->request_id, "mine-1");
  EXPECT_THAT(world_.failed_requests, ElementsAre("mine-1"));
  const auto nowhere = call("GET", "/nowhere/%zz", {}, {.headers = {{"X-Request-Id", "mine-2"}}});
  EXPECT_EQ(wire::read_problem(nowhere.body)->request_id, "mine-2");
}

}  // namespace
}  // namespace mtmsg::http
