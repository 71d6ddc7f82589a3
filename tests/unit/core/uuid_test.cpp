#include "core/uuid.hpp"

#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/ids.hpp"

namespace mtmsg {
namespace {

TEST(Uuid, TakesOnlyTheCanonicalFormInAnyCase) {
  EXPECT_EQ(Uuid::parse("0190F3C2-7b1e-7cc3-98c4-dc0c0c07398F")->to_string(), "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f");
  for (const char* text : {"", "0190f3c27b1e7cc398c4dc0c0c07398f", "{0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f}",
                           "urn:uuid:0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f", "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398",
                           "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398g", "0190f3c2_7b1e_7cc3_98c4_dc0c0c07398f",
                           "0190f3c-27b1e-7cc3-98c4-dc0c0c07398f", "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f "}) {
    EXPECT_EQ(Uuid::parse(text), std::nullopt) << text;
  }
}

TEST(Uuid, EveryValueSurvivesItsWrittenForm) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
    const auto text = id.to_string();
    ASSERT_EQ(text.size(), 36U);
    ASSERT_EQ(Uuid::parse(text), id);
  }
}

TEST(Uuid, OrdersAsItsTextDoes) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 2'000; ++i) {
    Uuid a;
    Uuid b;
    for (auto& byte : a.bytes) byte = static_cast<std::uint8_t>(random());
    for (auto& byte : b.bytes) byte = static_cast<std::uint8_t>(random());
    ASSERT_EQ(a < b, a.to_string() < b.to_string());
  }
}

TEST(Uuid, Version5IsTheOneOfTheStandard) {
  // RFC 9562, A.4: the DNS namespace and "www.example.com".
  const auto dns = *Uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(Uuid::v5(dns, "www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  EXPECT_NE(Uuid::v5(dns, std::string_view("a\0b", 3)), Uuid::v5(dns, "a"));
}

TEST(Uuid, Version7BeginsWithTheTimeInMilliseconds) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = now();
  const auto id = Uuid::v7();
  const auto after = now();
  std::int64_t stamp = 0;
  for (std::size_t i = 0; i < 6; ++i) stamp = stamp * 256 + id.bytes[i];
  EXPECT_GE(stamp, before);
  EXPECT_LE(stamp, after);
  EXPECT_EQ(id.bytes[6] >> 4, 7);
  EXPECT_EQ(id.bytes[8] >> 6, 2);
}

TEST(Uuid, FreshOnesDifferInAllThreads) {
  std::vector<std::vector<Uuid>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 5'000; ++i) mine.push_back(i % 2 == 0 ? Uuid::v7() : Uuid::v4());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Uuid> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20'000U);
}

TEST(TypedId, DoesNotMixWithAnotherKind) {
  static_assert(!std::is_convertible_v<TenantId, MessageId>);
  static_assert(!std::is_constructible_v<bool, Sequence>);
  static_assert(!std::equality_comparable_with<TenantId, MessageId>);
  EXPECT_LT(Sequence{1}, Sequence{2});
  EXPECT_EQ(TenantId::parse("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace mtmsg
