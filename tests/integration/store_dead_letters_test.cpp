#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/message.hpp"
#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using test::BatchBuilder;
using test::make_tenant;
using test::TestDatabase;
using testing::ElementsAre;
using testing::IsEmpty;

class DeadLetterStoreTest : public testing::Test {
 protected:
  using Numbers = std::vector<std::int64_t>;

  store::DeadLetterStore& letters() { return database_.store().dead_letters(); }
  /// Its number.
  std::int64_t refuse(DeadReason reason = DeadReason::invalid_json, std::string body = "not json") {
    return refuse_for(tenant_, reason, std::move(body));
  }
  std::int64_t refuse_for(TenantId tenant, DeadReason reason, std::string body, std::string_view headers = "{}") {
    BatchBuilder batch(tenant);
    auto& message = batch.add(std::move(body));
    message.refusal = Refusal{reason, "it is bad", ""};
    message.headers = headers;
    EXPECT_EQ(writer_->store(batch.get()).value().at(0).dead_letters, 1U);
    return std::stoll(
        database_.sql().one("select max(seq) from dead_letters where tenant_id = '" + tenant.to_string() + "'"));
  }
  void mark_replayed(std::int64_t seq) {
    database_.sql().run("update dead_letters set replayed_at = now() where seq = " + std::to_string(seq) +
                        "; update tenant_counters set dead_letters = dead_letters - 1");
  }
  Numbers listed(const DeadLetterFilter& filter, std::int64_t cursor = 0, unsigned limit = 1000) {
    return numbers(letters().page(store::Reader::everybody(), tenant_, filter, Sequence{cursor}, limit).value().data);
  }
  static Numbers numbers(const std::vector<DeadLetter>& all) {
    Numbers out;
    for (const auto& letter : all) out.push_back(letter.seq.value);
    return out;
  }
  static std::vector<Sequence> sequences(std::initializer_list<std::int64_t> values) {
    std::vector<Sequence> out;
    for (const auto value : values) out.push_back(Sequence{value});
    return out;
  }
  std::int64_t counter(TenantId tenant) {
    return database_.store().tenants().counts(store::Reader::everybody(), tenant).value().dead_letters;
  }

  TestDatabase database_;
  TenantId tenant_ = make_tenant(database_.store());
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
};

TEST_F(DeadLetterStoreTest, GivesBackEveryFieldAsItWasStored) {
  const std::string body("not \xff json\0", 11);
  BatchBuilder batch(tenant_);
  auto& message = batch.add(body);
  message.refusal = Refusal{DeadReason::rejected_by_database, "lone surrogate", "22P02"};
  message.headers = std::string_view("{\"a\":\"\\u0000\"}\0\xfe", 16);
  message.published_at = Timestamp(std::chrono::microseconds(1700000000123456));
  message.deliveries = 3;
  writer_->store(batch.get()).value();
  database_.sql().run(R"(update dead_letters set exchange = '\x00ff', routing_key = 'key')");

  const auto letter = letters().get(store::Reader::everybody(), tenant_, Sequence{1}).value();
  EXPECT_EQ(letter.id, message.id);
  EXPECT_EQ(letter.tenant, tenant_);
  EXPECT_EQ(letter.refusal.reason, DeadReason::rejected_by_database);
  EXPECT_EQ(letter.refusal.detail, "lone surrogate");
  EXPECT_EQ(letter.refusal.sqlstate, "22P02");
  EXPECT_EQ(letter.deliveries, 3);
  EXPECT_EQ(letter.tries, 0);
  EXPECT_EQ(letter.body, body);
  EXPECT_EQ(letter.body_bytes, 11);
  EXPECT_EQ(letter.headers, message.headers);
  EXPECT_EQ(letter.exchange, std::string("\0\xff", 2));
  EXPECT_EQ(letter.routing_key, "key");
  EXPECT_EQ(letter.published_at, message.published_at);
  EXPECT_EQ(letter.tried_at, std::nullopt);
  EXPECT_EQ(letter.replayed_at, std::nullopt);
  const auto age = std::chrono::system_clock::now() - letter.failed_at;
  EXPECT_LT(age, std::chrono::minutes(5));
  EXPECT_GT(age, -std::chrono::minutes(5));

  const auto listed = letters().page(store::Reader::everybody(), tenant_, {}, {}, 1).value().data.at(0);
  EXPECT_EQ(listed.body, "");
  EXPECT_EQ(listed.body_bytes, 11);
  EXPECT_EQ(listed.headers, letter.headers);
  EXPECT_EQ(listed.failed_at, letter.failed_at);
}

TEST_F(DeadLetterStoreTest, ReadsBytesWhateverTheServerWritesThemAs) {
  database_.sql().run(
      "do $$begin execute format('alter database %I set bytea_output = escape', current_database()); end$$");
  const auto seq = refuse(DeadReason::invalid_json, "\\x\xff\x01");
  EXPECT_EQ(database_.open()->dead_letters().get(store::Reader::everybody(), tenant_, Sequence{seq}).value().body,
            "\\x\xff\x01");
}

TEST_F(DeadLetterStoreTest, FiltersByReasonTimeAndReplayAloneAndTogether) {
  refuse(DeadReason::invalid_json);
  refuse(DeadReason::too_large);
  refuse(DeadReason::invalid_json);
  refuse(DeadReason::too_large);
  mark_replayed(3);
  mark_replayed(4);
  const auto time_of = [&](std::int64_t seq) {
    return letters().get(store::Reader::everybody(), tenant_, Sequence{seq}).value().failed_at;
  };
  DeadLetterFilter filter;
  EXPECT_THAT(listed(filter), ElementsAre(1, 2, 3, 4));
  filter.reason = DeadReason::too_large;
  EXPECT_THAT(listed(filter), ElementsAre(2, 4));
  EXPECT_EQ(letters().count(store::Reader::everybody(), tenant_, filter).value(), 2);
  filter.replayed = true;
  EXPECT_THAT(listed(filter), ElementsAre(4));
  filter.replayed = false;
  EXPECT_THAT(listed(filter), ElementsAre(2));
  filter = {};
  filter.replayed = true;
  EXPECT_THAT(listed(filter), ElementsAre(3, 4));
  filter = {};
  filter.since = time_of(2);
  EXPECT_THAT(listed(filter), ElementsAre(2, 3, 4)) << "since is included";
  filter.until = time_of(4);
  EXPECT_THAT(listed(filter), ElementsAre(2, 3)) << "until is not";
  EXPECT_EQ(letters().count(store::Reader::everybody(), tenant_, filter).value(), 2);
  filter.reason = DeadReason::expired;
  EXPECT_THAT(listed(filter), IsEmpty());
  filter = {};
  filter.since = parse_timestamp("9999-12-31T23:59:59Z").value();
  EXPECT_THAT(listed(filter), IsEmpty());
  filter.since = parse_timestamp("0001-01-01T00:00:00Z").value();
  EXPECT_EQ(letters().count(store::Reader::everybody(), tenant_, filter).value(), 4);
}

TEST_F(DeadLetterStoreTest, ACursorNeitherSkipsNorRepeats) {
  for (int i = 0; i < 7; ++i) refuse(i % 2 ? DeadReason::too_large : DeadReason::invalid_json);
  DeadLetterFilter filter;
  Numbers seen;
  Sequence cursor;
  for (bool more = true; more;) {
    const auto page = letters().page(store::Reader::everybody(), tenant_, filter, cursor, 3).value();
    for (const auto& letter : page.data) seen.push_back(letter.seq.value);
    cursor = page.next_cursor;
    more = page.has_more;
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  const auto end = letters().page(store::Reader::everybody(), tenant_, filter, cursor, 3).value();
  EXPECT_THAT(end.data, IsEmpty());
  EXPECT_EQ(end.next_cursor, cursor);
  EXPECT_FALSE(end.has_more);
  filter.reason = DeadReason::too_large;
  const auto exact = letters().page(store::Reader::everybody(), tenant_, filter, Sequence{2}, 2).value();
  EXPECT_THAT(numbers(exact.data), ElementsAre(4, 6));
  EXPECT_FALSE(exact.has_more) << "what comes after does not fit the filter";
}

TEST_F(DeadLetterStoreTest, APageEndsWithTheLetterWhoseHeadersReachItsBound) {
  store::DatabaseOptions options;
  options.max_page_bytes = 1000;
  const auto database = database_.open(options);
  const std::string headers = R"({"x":")" + std::string(600, 'x') + "\"}";
  for (int i = 0; i < 3; ++i) refuse_for(tenant_, DeadReason::invalid_json, "{", headers);
  const auto page = database->dead_letters().page(store::Reader::everybody(), tenant_, {}, {}, 3).value();
  EXPECT_THAT(numbers(page.data), ElementsAre(1, 2));
  EXPECT_TRUE(page.has_more);
  EXPECT_EQ(page.next_cursor.value, 2);
  EXPECT_THAT(
      numbers(database->dead_letters().page(store::Reader::everybody(), tenant_, {}, page.next_cursor, 3).value().data),
      ElementsAre(3));
}

TEST_F(DeadLetterStoreTest, ClaimCountsATryOfWhatIsNotReplayedAndGivesItsBody) {
  refuse(DeadReason::invalid_json, "one");
  refuse(DeadReason::invalid_json, "two");
  refuse(DeadReason::invalid_json, "three");
  mark_replayed(2);
  const auto wanted = sequences({3, 2, 1, 99});
  const auto claimed = letters().claim(tenant_, wanted, 1 << 20).value();
  EXPECT_THAT(numbers(claimed), ElementsAre(1, 3));
  EXPECT_EQ(claimed[0].body, "one");
  EXPECT_EQ(claimed[1].body, "three");
  EXPECT_EQ(claimed[0].tries, 1);
  EXPECT_TRUE(claimed[0].tried_at);
  EXPECT_EQ(letters().claim(tenant_, wanted, 1 << 20).value().at(0).tries, 2);
  EXPECT_EQ(letters().get(store::Reader::everybody(), tenant_, Sequence{2}).value().tries, 0);
  EXPECT_THAT(letters().claim(tenant_, {}, 1 << 20).value(), IsEmpty());
}

TEST_F(DeadLetterStoreTest, ClaimStopsBeforeTheLetterThatPassesTheBoundButNotBeforeTheFirst) {
  for (int i = 0; i < 3; ++i) refuse(DeadReason::invalid_json, std::string(100, 'x'));
  const auto wanted = sequences({1, 2, 3});
  EXPECT_THAT(numbers(letters().claim(tenant_, wanted, 200).value()), ElementsAre(1, 2));
  EXPECT_THAT(numbers(letters().claim(tenant_, wanted, 1).value()), ElementsAre(1));
  EXPECT_EQ(letters().get(store::Reader::everybody(), tenant_, Sequence{3}).value().tries, 0)
      << "what was not given was not tried";
}

TEST_F(DeadLetterStoreTest, PurgeDeletesTheLowestUpToItsLimitAndLowersTheCounterByTheOpenOnes) {
  for (int i = 0; i < 6; ++i) refuse(i == 5 ? DeadReason::too_large : DeadReason::invalid_json);
  mark_replayed(2);
  EXPECT_EQ(counter(tenant_), 5);
  DeadLetterFilter filter;
  filter.reason = DeadReason::invalid_json;
  EXPECT_EQ(letters().purge(tenant_, filter, Sequence{1}, 2).value(), 2);
  EXPECT_THAT(listed({}), ElementsAre(1, 4, 5, 6));
  EXPECT_EQ(counter(tenant_), 4) << "one of the two was replayed, and not counted any more";
  EXPECT_EQ(letters().purge(tenant_, filter, Sequence{0}, 1000).value(), 3);
  EXPECT_EQ(letters().purge(tenant_, filter, Sequence{0}, 1000).value(), 0);
  EXPECT_EQ(letters().purge(tenant_, sequences({6, 7})).value(), 1);
  EXPECT_EQ(counter(tenant_), 0);
  refuse();
  EXPECT_THAT(listed({}), ElementsAre(7)) << "a number is not given twice";
}

TEST_F(DeadLetterStoreTest, SeesNothingOfAnotherTenant) {
  const auto neighbour = make_tenant(database_.store(), "neighbour");
  refuse_for(neighbour, DeadReason::invalid_json, "theirs");
  EXPECT_THAT(listed({}), IsEmpty());
  EXPECT_EQ(letters().count(store::Reader::everybody(), tenant_, {}).value(), 0);
  EXPECT_EQ(letters().get(store::Reader::everybody(), tenant_, Sequence{1}).error().code, ErrorCode::not_found);
  EXPECT_THAT(letters().claim(tenant_, sequences({1}), 1 << 20).value(), IsEmpty());
  EXPECT_EQ(letters().purge(tenant_, sequences({1})).value(), 0);
  EXPECT_EQ(letters().purge(tenant_, {}, Sequence{0}, 1000).value(), 0);
  EXPECT_EQ(letters().get(store::Reader::everybody(), neighbour, Sequence{1}).value().tries, 0);
  EXPECT_EQ(counter(neighbour), 1);
}

TEST_F(DeadLetterStoreTest, ATenantThatIsNotThereOrBeingDeletedIsNotFound) {
  refuse();
  const auto expect_not_found = [&](TenantId tenant) {
    const auto one = sequences({1});
    EXPECT_EQ(letters().page(store::Reader::everybody(), tenant, {}, {}, 1).error().code, ErrorCode::not_found);
    EXPECT_EQ(letters().get(store::Reader::everybody(), tenant, Sequence{1}).error().code, ErrorCode::not_found);
    EXPECT_EQ(letters().count(store::Reader::everybody(), tenant, {}).error().code, ErrorCode::not_found);
    EXPECT_EQ(letters().claim(tenant, one, 1).error().code, ErrorCode::not_found);
    EXPECT_EQ(letters().purge(tenant, {}, {}, 1).error().code, ErrorCode::not_found);
    EXPECT_EQ(letters().purge(tenant, one).error().code, ErrorCode::not_found);
  };
  expect_not_found(TenantId{Uuid::v4()});
  database_.store().tenants().mark_deleting(tenant_, {}).value();
  expect_not_found(tenant_);
  EXPECT_EQ(database_.sql().one("select tries from dead_letters"), "0");
  EXPECT_EQ(letters().get(store::Reader::everybody(), tenant_, Sequence{1}).error().code, ErrorCode::not_found);
}

TEST_F(DeadLetterStoreTest, WaitsForTheWriterThatHoldsTheTenantsCounter) {
  refuse();
  test::SqlSession writer(database_.url());
  writer.run("begin; select 1 from tenant_counters where tenant_id = '" + tenant_.to_string() + "' for update");
  auto purged = std::async(std::launch::async, [&] { return letters().purge(tenant_, sequences({1})); });
  ASSERT_TRUE(test::eventually([&] {
    return database_.sql().one(
               "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = "
               "current_database()") == "1";
  }));
  writer.run("update dead_letters set replayed_at = now(); update tenant_counters set dead_letters = 0; commit");
  EXPECT_EQ(purged.get().value(), 1);
  EXPECT_EQ(counter(tenant_), 0) << "it saw what the writer had committed";
}

}  // namespace
}  // namespace mtmsg
