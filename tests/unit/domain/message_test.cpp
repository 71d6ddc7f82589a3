#include "domain/message.hpp"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace mtmsg {
namespace {

const TenantId kAcme = *TenantId::parse("0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f");

TEST(Cursor, IsADecimalNumberFromZeroToTheLargestSequence) {
  EXPECT_EQ(parse_cursor("0")->value, 0);
  EXPECT_EQ(parse_cursor("123")->value, 123);
  EXPECT_EQ(parse_cursor("9223372036854775807")->value, std::numeric_limits<std::int64_t>::max());
}

TEST(Cursor, RefusesEverythingElse) {
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "1e3", "abc", "½"}) {
    EXPECT_EQ(parse_cursor(text).error().code, ErrorCode::invalid_argument) << text;
  }
  EXPECT_FALSE(parse_cursor(std::string_view("1\0", 2)));
}

TEST(GlobalCursor, SurvivesItsWrittenForm) {
  const GlobalCursor cursor{kAcme, Sequence{456}};
  EXPECT_EQ(cursor.to_string(), "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f:456");
  EXPECT_EQ(*parse_global_cursor(cursor.to_string()), cursor);
}

TEST(GlobalCursor, RefusesWhatIsNoTenantAndNumber) {
  for (const char* text : {"", ":", "123", "acme:1", "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f",
                           "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f:", "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f:-1",
                           "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f:1:2"}) {
    EXPECT_EQ(parse_global_cursor(text).error().code, ErrorCode::invalid_argument) << text;
  }
}

TEST(Limit, IsFromOneToAThousand) {
  EXPECT_EQ(*parse_limit("1"), 1U);
  EXPECT_EQ(*parse_limit("1000"), 1000U);
  for (const char* text : {"", "0", "1001", "-1", "ten", "4294967297"}) EXPECT_FALSE(parse_limit(text)) << text;
}

TEST(Identity, IsTheMessageIdItselfWhenThatHasTheFormOfAUuidInAnyCase) {
  const auto identity = identify_message(kAcme, "0190F3C2-7B1E-7CC3-98C4-DC0C0C073990");
  EXPECT_EQ(identity.id.to_string(), "0190f3c2-7b1e-7cc3-98c4-dc0c0c073990");
  EXPECT_EQ(identity.origin, MessageIdentity::Origin::given);
}

TEST(Identity, IsDerivedFromTenantAndStringForAnyOtherMessageId) {
  const auto first = identify_message(kAcme, "order-17");
  EXPECT_EQ(first.origin, MessageIdentity::Origin::derived);
  EXPECT_EQ(first.id.value, Uuid::v5(kAcme.value, "order-17"));
  EXPECT_EQ(identify_message(kAcme, "order-17").id, first.id);
  EXPECT_NE(identify_message(kAcme, "order-18").id, first.id);
  EXPECT_NE(identify_message(TenantId{Uuid::v4()}, "order-17").id, first.id);
  // Almost a UUID is not one.
  EXPECT_EQ(identify_message(kAcme, "{0190f3c2-7b1e-7cc3-98c4-dc0c0c073990}").origin, MessageIdentity::Origin::derived);
}

TEST(Identity, IsFreshWhenThereIsNoMessageId) {
  for (const auto& absent : {std::optional<std::string_view>(), std::optional<std::string_view>("")}) {
    const auto one = identify_message(kAcme, absent);
    EXPECT_EQ(one.origin, MessageIdentity::Origin::generated);
    EXPECT_NE(one.id, identify_message(kAcme, absent).id);
  }
}

}  // namespace
}  // namespace mtmsg
