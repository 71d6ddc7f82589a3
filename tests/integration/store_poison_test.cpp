#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using test::BatchBuilder;
using test::make_tenant;
using test::TestDatabase;

class PoisonTest : public testing::Test {
 protected:
  store::TenantOutcome store_one(const BatchBuilder& batch) { return writer_->store(batch.get()).value().at(0); }
  void expect_no_holes() {
    EXPECT_EQ(database_.sql().one("select count(*) = coalesce(max(seq), 0) from messages"), "t");
  }

  TestDatabase database_;
  TenantId tenant_ = make_tenant(database_.store());
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
};

struct Poison {
  const char* name;
  std::string body;
  const char* sqlstate;
  friend void PrintTo(const Poison& poison, std::ostream* out) { *out << poison.name; }
};

class PoisonKind : public PoisonTest, public testing::WithParamInterface<Poison> {};

TEST_P(PoisonKind, BecomesADeadLetterWithItsSqlstateAndLeavesItsNeighboursAlone) {
  BatchBuilder batch(tenant_);
  batch.add("1");
  auto& bad = batch.add(GetParam().body);
  const auto bad_id = bad.id;
  batch.add("3");
  const auto outcome = store_one(batch);
  EXPECT_EQ(outcome.stored, 2U);
  EXPECT_EQ(outcome.dead_letters, 1U);
  EXPECT_EQ(database_.sql().one("select array_agg(seq || ':' || payload order by seq) from messages"), "{1:1,2:3}");
  const auto letter = database_.sql().rows(
      "select id, reason, sqlstate, seq, deliveries, encode(body, 'hex'), detail <> '' from dead_letters");
  ASSERT_EQ(letter.size(), 1U);
  EXPECT_EQ(letter[0][0], bad_id.to_string());
  EXPECT_EQ(letter[0][1], "rejected_by_database");
  EXPECT_EQ(letter[0][2], GetParam().sqlstate);
  EXPECT_EQ(letter[0][3], "1");
  EXPECT_EQ(letter[0][4], "1");
  std::string hex;
  for (const char c : GetParam().body) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    hex += digits;
  }
  EXPECT_EQ(letter[0][5], hex) << "the body is kept byte for byte";
  EXPECT_EQ(letter[0][6], "t");
}

INSTANTIATE_TEST_SUITE_P(
    All, PoisonKind,
    testing::Values(Poison{"EscapedZero", R"({"a":"\u0000"})", "22P05"},
                    Poison{"LoneSurrogate", R"("\ud800")", "22P02"}, Poison{"NumberTooLarge", "1e131072", "22003"},
                    Poison{"DeepNesting", std::string(200000, '[') + std::string(200000, ']'), "54001"},
                    Poison{"InvalidUtf8", "\"\xff\xfe\"", "22021"},
                    Poison{"ZeroByte", std::string("\"a\0b\"", 5), "22021"}, Poison{"NoJson", "{", "22P02"},
                    Poison{"Empty", "", "22P02"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(PoisonTest, OneBadOfAThousandCostsItsNeighboursNothing) {
  BatchBuilder batch(tenant_);
  for (int i = 0; i < 1000; ++i) batch.add(i == 567 ? R"("\u0000")" : std::to_string(i));
  const auto outcome = store_one(batch);
  EXPECT_EQ(outcome.stored, 999U);
  EXPECT_EQ(outcome.dead_letters, 1U);
  EXPECT_EQ(outcome.last_seq.value, 999);
  expect_no_holes();
}

TEST_F(PoisonTest, EverySecondBadLeavesTheOthersInOrder) {
  BatchBuilder batch(tenant_);
  for (int i = 0; i < 1000; ++i) batch.add(i % 2 ? R"("\u0000")" : std::to_string(i));
  EXPECT_EQ(store_one(batch).stored, 500U);
  EXPECT_EQ(database_.sql().one("select count(*) from messages where payload::int = (seq - 1) * 2"), "500");
  EXPECT_EQ(database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().dead_letters, 500);
  expect_no_holes();
}

TEST_F(PoisonTest, AllBadStoresNothingAndTakesTheNextBatch) {
  BatchBuilder batch(tenant_);
  for (int i = 0; i < 100; ++i) batch.add(R"("\u0000")");
  auto outcome = store_one(batch);
  EXPECT_EQ(outcome.stored, 0U);
  EXPECT_EQ(outcome.dead_letters, 100U);
  BatchBuilder next(tenant_);
  next.add("1");
  EXPECT_EQ(store_one(next).last_seq.value, 1);
}

TEST_F(PoisonTest, BodiesOfMegabytesAreKeptByteForByteBetweenSmallOnes) {
  std::string large(5'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * i / 7);
  const Refusal refusal{DeadReason::too_large, "large", ""};
  BatchBuilder batch(tenant_);
  for (const auto& body : {std::string("small"), large, large + "2", std::string("last")})
    batch.add(body).refusal = refusal;
  batch.add("1");
  for (const char* kind : {"new", "known", "replayed"}) {
    SCOPED_TRACE(kind);
    const auto outcome = store_one(batch);
    EXPECT_EQ(outcome.dead_letters, 4U);
    EXPECT_EQ(database_.sql().one("select string_agg(length(body)::text, ',' order by seq) from dead_letters"),
              "5,5000000,5000001,4");
    EXPECT_EQ(database_.sql().one("select count(*) from dead_letters a join dead_letters b on b.body = a.body || "
                                  "'2'::bytea where a.seq = 2 and b.seq = 3"),
              "1");
    database_.sql().run("update dead_letters set replayed_at = now(), body = ''" +
                        std::string(kind == std::string_view("new") ? " where false" : ""));
  }
  std::int64_t sum = 0;
  for (const char c : large.substr(4'000'000, 1000)) sum += static_cast<unsigned char>(c);
  EXPECT_EQ(store_one(batch).dead_letters, 4U);
  EXPECT_EQ(database_.sql().one("select sum(get_byte(body, i)) from dead_letters, generate_series(4000000, 4000999) i "
                                "where seq = 2"),
            std::to_string(sum));
  EXPECT_EQ(database_.sql().one("select count(*) from messages"), "1");
}

TEST_F(PoisonTest, StaysInItsTenantsPartOfTheBatch) {
  const auto neighbour = make_tenant(database_.store(), "neighbour");
  BatchBuilder batch(tenant_);
  batch.add(R"("\u0000")");
  batch.tenant(neighbour);
  batch.add("1");
  const auto outcomes = writer_->store(batch.get()).value();
  EXPECT_EQ(outcomes[0].dead_letters, 1U);
  EXPECT_EQ(outcomes[1].stored, 1U);
}

TEST_F(PoisonTest, MixesWithDuplicatesNobodyAnnounced) {
  BatchBuilder first(tenant_);
  const auto known = first.add("1");
  store_one(first);
  BatchBuilder second(tenant_);
  second.add("2");
  second.add("3").id = known.id;
  second.add(R"("\u0000")");
  const auto outcome = store_one(second);
  EXPECT_EQ(outcome.stored, 1U);
  EXPECT_EQ(outcome.duplicates, 1U);
  EXPECT_EQ(outcome.dead_letters, 1U);
  expect_no_holes();
}

TEST_F(PoisonTest, DoesNotTakeALaterGoodMessageOfTheSameIdWithIt) {
  BatchBuilder batch(tenant_);
  const auto id = batch.add(R"("\u0000")").id;
  batch.add("2").id = id;
  const auto outcome = store_one(batch);
  EXPECT_EQ(outcome.stored, 1U);
  EXPECT_EQ(outcome.dead_letters, 1U);
  EXPECT_EQ(outcome.duplicates, 0U);
}

TEST_F(PoisonTest, CountsTheArrivalsOfADeadLetterThatComesAgain) {
  BatchBuilder batch(tenant_);
  auto& bad = batch.add("not json \xff");
  bad.refusal = Refusal{DeadReason::invalid_json, "unexpected \xff in \"text\\ä\"", ""};
  bad.headers = std::string_view("{\"a\":\"\\u0000\"}\0\xfe", 16);
  bad.published_at = Timestamp(std::chrono::microseconds(1700000000123456));
  bad.deliveries = 3;
  EXPECT_EQ(store_one(batch).dead_letters, 1U);
  EXPECT_EQ(store_one(batch).dead_letters, 1U);
  auto twice = batch.get();
  twice[0].messages.push_back(twice[0].messages[0]);
  EXPECT_EQ(writer_->store(twice).value()[0].dead_letters, 2U);

  const auto letter = database_.sql().rows(
      "select seq, deliveries, detail, encode(headers, 'escape'), sqlstate is null, published_at = timestamptz "
      "'2023-11-14 22:13:20.123456+00' from dead_letters");
  ASSERT_EQ(letter.size(), 1U);
  EXPECT_EQ(letter[0][0], "1");
  EXPECT_EQ(letter[0][1], "6");
  EXPECT_EQ(letter[0][2], "unexpected ? in \"text\\ä\"");
  EXPECT_EQ(letter[0][3], "{\"a\":\"\\\\u0000\"}\\000\\376");
  EXPECT_EQ(letter[0][4], "t");
  EXPECT_EQ(letter[0][5], "t");
  EXPECT_EQ(database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().dead_letters, 1);
}

}  // namespace
}  // namespace mtmsg
