#include "http/problem.hpp"

#include <gtest/gtest.h>

#include "http/exchange.hpp"
#include "wire/problem.hpp"

namespace mtmsg::http {
namespace {

TEST(Problem, KeepsTheErrorsCodeAndSaysItsStatus) {
  const Problem problem(fail(ErrorCode::not_found, "tenant \"a\" does not exist"));
  const auto json = wire::read_problem(problem.json()).value();
  EXPECT_EQ(json.status, 404);
  EXPECT_EQ(json.code, "not_found");
  EXPECT_EQ(json.title, "Not Found");
  EXPECT_EQ(json.detail, "tenant \"a\" does not exist");
}

TEST(Problem, HasAStatusAndAReasonForEveryErrorCode) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    const auto status = status_of(static_cast<ErrorCode>(code));
    EXPECT_GE(status, 400);
    EXPECT_NE(reason_phrase(status), "Error") << status;
  }
}

TEST(Problem, TellsWhenToTryAgain) {
  for (const auto code : {ErrorCode::broker_unavailable, ErrorCode::rate_limited, ErrorCode::stopping}) {
    const auto response = Response::of(fail(code, "x"));
    EXPECT_EQ(response.headers.at(0).first, "Retry-After");
  }
  EXPECT_TRUE(Response::of(fail(ErrorCode::not_found, "x")).headers.empty());
}

TEST(Problem, OrNoProblemTellsWhenToTryAgain) {
  for (const int status : {429, 503}) {
    auto response = Response::json(status, "{}");
    response.add_standard_headers("id");
    ASSERT_NE(response.header("retry-after"), nullptr) << status;
  }
  auto told = Response::of(fail(ErrorCode::rate_limited, "x"));
  told.add_standard_headers("id");
  EXPECT_EQ(*told.header("Retry-After"), "1");
  auto fine = Response::json(200, "{}");
  fine.add_standard_headers("id");
  EXPECT_EQ(fine.header("Retry-After"), nullptr);
}

TEST(Problem, TellsHowToAuthenticate) {
  const auto response = Response::of(fail(ErrorCode::unauthenticated, "x"));
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.headers.at(0).first, "WWW-Authenticate");
}

}  // namespace
}  // namespace mtmsg::http
