#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/json_text.hpp"
#include "wire/limits.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::wire {
namespace {

using testing::HasSubstr;

constexpr auto kOldTenant =
    R"({"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","name":"acme","state":"active","workers":5,"paused":false,)"
    R"("ordered":false,"created_at":"2026-01-31T12:00:00Z","updated_at":"2026-01-31T12:00:00Z"})";

std::string refusal_of_new(std::string_view json) {
  const auto request = read_new_tenant(json);
  return request ? std::string() : request.error().message;
}

std::string refusal_of_update(std::string_view json) {
  const auto change = read_tenant_update(json);
  return change ? std::string() : change.error().message;
}

TEST(WireLimits, EveryRowOfTheTableReadsBack) {
  TenantLimits limits;
  std::uint64_t value = 7;
  for (const auto& row : limit_rows()) limits[row.limit] = value++;
  std::string json;
  append_limits(json, limits);
  EXPECT_EQ(read_limits(json).value(), limits);
  for (const auto& member : split_object(json, "limits").value()) EXPECT_NE(find_limit(member.key), nullptr);
}

TEST(WireLimits, OnesThatAreNotSetAreNullAmongItsOwnAndZeroAmongThoseInForce) {
  TenantLimits limits;
  limits[Limit::publish_rate] = 5;
  std::string own, in_force;
  append_limits(own, limits);
  append_effective_limits(in_force, limits);
  EXPECT_THAT(own, HasSubstr(R"("max_stored_bytes":null,"publish_rate":5)"));
  EXPECT_THAT(in_force, HasSubstr(R"("max_stored_bytes":0,"publish_rate":5)"));
}

TEST(WireLimits, AnAnswerMayBeOlderOrNewerThanItsReader) {
  EXPECT_EQ(read_tenant(kOldTenant).value().limits, TenantLimits{});
  EXPECT_EQ(read_limits(R"({"tea_per_day":4,"publish_rate":2})").value().value(Limit::publish_rate), 2U);
}

TEST(WireLimits, RequestsNameWhatIsWrong) {
  EXPECT_THAT(refusal_of_new(R"({"name":"a","limits":{"publish_rat":1}})"), HasSubstr("publish_rat\"; did you mean"));
  EXPECT_THAT(refusal_of_new(R"({"name":"a","limits":{"publish_rate":-1}})"), HasSubstr("publish_rate"));
  for (const auto* broken :
       {R"("5")", "1.5", "1e3", "true", "[]", "{}", "99999999999999999999", "18446744073709551615"})
    EXPECT_THAT(refusal_of_new(std::string(R"({"name":"a","limits":{"publish_rate":)") + broken + "}}"),
                HasSubstr("publish_rate"))
        << broken;
  for (const auto* broken : {"- 1", "null", "[]", "5", "\"x\"", "{", R"({"publish_rate":1,"publish_rate":2})"})
    EXPECT_NE(refusal_of_new(std::string(R"({"name":"a","limits":)") + broken + "}"), "") << broken;
  EXPECT_NE(refusal_of_new(R"({"name":"a","ordered":"yes"})"), "");
  EXPECT_NE(refusal_of_new(R"({"name":"a","ordered":null})"), "");
}

TEST(WireTenantRequests, ANewTenantReadsBackAndEqualOnesAreEqualText) {
  const auto request =
      read_new_tenant(
          R"( { "limits" : {"retention_seconds": 60,"publish_rate":null}, "ordered":true, "name":"acme" } )")
          .value();
  EXPECT_TRUE(request.ordered);
  EXPECT_EQ(request.limits[Limit::retention_seconds], 60U);
  EXPECT_FALSE(request.limits[Limit::publish_rate]);
  std::string text;
  append_new_tenant(text, request);
  EXPECT_EQ(text, R"({"name":"acme","ordered":true,"limits":{"retention_seconds":60}})");
}

TEST(WireTenantRequests, AnUpdateTakesAtLeastOneThingAndNothingThatIsFixed) {
  const auto change =
      read_tenant_update(R"({"paused":true,"limits":{"publish_rate":null,"max_stored_bytes":0}})").value();
  EXPECT_EQ(change.paused, true);
  ASSERT_EQ(change.limits.size(), 2U);
  EXPECT_EQ(change.limits[0].value, 0U);
  EXPECT_FALSE(change.limits[1].value);
  EXPECT_THAT(refusal_of_update("{}"), HasSubstr("nothing to change"));
  EXPECT_THAT(refusal_of_update(R"({"limits":{}})"), HasSubstr("nothing to change"));
  EXPECT_THAT(refusal_of_update(R"({"paint":1})"), HasSubstr("paint"));
  EXPECT_THAT(refusal_of_update(R"({"workers":-1})"), HasSubstr("workers"));
  EXPECT_THAT(refusal_of_update(R"({"workers":4294967296})"), HasSubstr("workers"));
  EXPECT_THAT(refusal_of_update(R"({"paused":1})"), HasSubstr("paused"));
  for (const auto* fixed : {"id", "name", "ordered"})
    EXPECT_EQ(read_tenant_update(std::string("{\"workers\":1,\"") + fixed + "\":null}").error().code,
              ErrorCode::immutable);
  std::string text;
  append_tenant_update(text, change);
  EXPECT_EQ(text, R"({"paused":true,"limits":{"max_stored_bytes":0,"publish_rate":null}})");
}

TEST(WireTenant, TheNameOfAKeptTableReadsBack) {
  std::string json;
  append_kept_table(json, "kept_1");
  EXPECT_EQ(read_kept_table(json).value(), "kept_1");
  EXPECT_FALSE(read_kept_table("{}"));
}

}  // namespace
}  // namespace mtmsg::wire
