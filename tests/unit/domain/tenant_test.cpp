#include "domain/tenant.hpp"

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

TEST(TenantName, TakesLowerCaseLettersDigitsAndInnerDashes) {
  for (const char* name : {"a", "7", "acme", "acme-2", "a--b"}) EXPECT_TRUE(check_tenant_name(name)) << name;
  EXPECT_TRUE(check_tenant_name(std::string(63, 'x')));
}

TEST(TenantName, RefusesEverythingElseAndSaysTheRule) {
  const auto rule = [](std::string_view name) {
    const auto checked = check_tenant_name(name);
    EXPECT_TRUE(checked.has_error()) << name;
    return checked.has_error() ? checked.error().message : std::string();
  };
  EXPECT_EQ(rule(""), "a tenant's name must not be empty");
  EXPECT_EQ(rule(std::string(64, 'x')), "a tenant's name must not be longer than 63 characters");
  EXPECT_EQ(rule("-a"), "a tenant's name must not begin or end with a dash");
  EXPECT_EQ(rule("a-"), "a tenant's name must not begin or end with a dash");
  EXPECT_NE(rule("0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f").find("UUID"), std::string::npos);
  for (const std::string_view name : {"Acme", "a b", "a_b", "ü", "a.b", "a/b"}) {
    EXPECT_EQ(rule(name), "a tenant's name may hold only lower-case letters a-z, digits and dashes");
  }
  EXPECT_FALSE(check_tenant_name(std::string_view("a\0b", 3)));
}

TEST(TenantState, NamesAndStatesAreOneToOne) {
  for (const auto state : {TenantState::creating, TenantState::active, TenantState::deleting}) {
    EXPECT_EQ(tenant_state_from(to_string(state)), state);
  }
  EXPECT_EQ(tenant_state_from("Active"), std::nullopt);
  EXPECT_EQ(tenant_state_from(""), std::nullopt);
}

TEST(Workers, AreFromOneToTheConfiguredMost) {
  EXPECT_TRUE(check_workers(1, 64, 500));
  EXPECT_TRUE(check_workers(64, 64, 500));
  EXPECT_EQ(check_workers(0, 64, 500).error().message, "workers must be between 1 and 64; got 0");
  EXPECT_EQ(check_workers(65, 64, 500).error().code, ErrorCode::invalid_argument);
}

TEST(Workers, NeverNeedAPrefetchBeyondSixteenBits) {
  EXPECT_TRUE(check_workers(131, 1000, 500));
  const auto refused = check_workers(132, 1000, 500);
  ASSERT_TRUE(refused.has_error());
  EXPECT_NE(refused.error().message.find("between 1 and 131"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(check_workers(1, 64, 0));
  EXPECT_FALSE(check_workers(1, 64, 65536));
  // A product that would wrap around in 32 bits.
  EXPECT_FALSE(check_workers(0x10000, 0xFFFFFFFF, 0x10000));
}

TEST(Workers, EveryAcceptedPairHasItsExactPrefetch) {
  for (unsigned batch = 1; batch <= 65535; batch += 97) {
    for (unsigned workers = 1; workers <= 256; ++workers) {
      const bool fits = std::uint64_t{workers} * batch <= 65535;
      ASSERT_EQ(check_workers(workers, 256, batch).has_value(), fits) << workers << " x " << batch;
      if (fits) {
        ASSERT_EQ(prefetch_of(workers, batch), workers * batch);
      }
    }
  }
}

}  // namespace
}  // namespace mtmsg
