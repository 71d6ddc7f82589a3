#include "store/pg/errors.hpp"

#include <gtest/gtest.h>

namespace mtmsg::store::pg {
namespace {

TEST(SqlStates, OfAnOutageAreNeverAVerdict) {
  for (const auto* state : {"", "08006", "28P01", "3D000", "40001", "40P01", "53300", "55P03", "57014", "57P01",
                            "57P03", "58030", "25006", "25P03", "42501"})
    EXPECT_EQ(code_of(state), ErrorCode::database_unavailable) << state;
}

TEST(SqlStates, OfTheDataAreAVerdict) {
  for (const auto* state : {"22P02", "22P05", "22021", "22003", "54001", "54000", "23505", "23514"})
    EXPECT_EQ(code_of(state), ErrorCode::database_rejected) << state;
}

TEST(SqlStates, OfWhatMigrationsMakeSayThatTheyArePending) {
  for (const auto* state : {"42P01", "42703", "42883", "3F000"})
    EXPECT_EQ(code_of(state), ErrorCode::schema_outdated) << state;
}

TEST(SqlStates, NobodyThoughtOfAreInternal) {
  for (const auto* state : {"XX000", "42601", "25P02", "0A000"})
    EXPECT_EQ(code_of(state), ErrorCode::internal) << state;
}

TEST(SqlFailure, RepeatsNothingThatQuotesTheData) {
  const SqlFailure failure("22P02",
                           "ERROR:  invalid input syntax for type json\nDETAIL:  Token \"secret\" is invalid.\n"
                           "CONTEXT:  COPY messages, line 1, column payload: \"secret\"\n");
  EXPECT_EQ(failure.error().message, "PostgreSQL: invalid input syntax for type json (SQLSTATE 22P02)");
  EXPECT_EQ(failure.sqlstate(), "22P02");
}

TEST(Guard, MakesAnErrorOfAFailureOnly) {
  const auto work = [](bool expected) -> Result<int> {
    if (expected) throw Failure(Error{ErrorCode::not_found, "x"});
    throw std::logic_error("a bug");
  };
  EXPECT_EQ(guard([&] { return work(true); }).error().code, ErrorCode::not_found);
  EXPECT_THROW(guard([&] { return work(false); }), std::logic_error);
}

}  // namespace
}  // namespace mtmsg::store::pg
