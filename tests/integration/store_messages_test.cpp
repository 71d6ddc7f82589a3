#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using namespace std::chrono_literals;
using test::BatchBuilder;
using test::make_tenant;
using test::TestDatabase;

class MessageStoreTest : public testing::Test {
 protected:
  void store(std::size_t count, std::string payload = R"({"a":1})") {
    BatchBuilder batch(tenant_);
    for (std::size_t i = 0; i < count; ++i) batch.add(payload);
    ASSERT_EQ(writer_->store(batch.get()).value()[0].stored, count);
  }
  Page page(std::int64_t cursor, unsigned limit = kDefaultPageRows) {
    return database_.store()
        .messages()
        .page(store::Reader::everybody(), tenant_, {Sequence{cursor}, limit, {}, {}})
        .value();
  }
  /// As retention leaves it.
  void remove_up_to(std::int64_t seq) {
    const auto tenant = "'" + tenant_.to_string() + "'";
    database_.sql().run("delete from messages where tenant_id = " + tenant + " and seq <= " + std::to_string(seq) +
                        "; update tenant_counters set oldest_seq = " + std::to_string(seq + 1) +
                        " where tenant_id = " + tenant);
  }
  Timestamp created_at(std::int64_t seq) { return page(seq - 1, 1).data.at(0).created_at; }

  TestDatabase database_;
  TenantId tenant_ = make_tenant(database_.store());
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
};

TEST_F(MessageStoreTest, GivesBackEveryFieldAsItWasStored) {
  BatchBuilder batch(tenant_);
  auto& message = batch.add(R"({"b":[1,2,{"c":null}],"a":"ä€😀"})");
  message.headers = R"({"content_type":"application/json"})";
  message.published_at = Timestamp(1700000000123456us);
  writer_->store(batch.get()).value();

  const auto read = database_.store().messages().get(store::Reader::everybody(), tenant_, message.id).value();
  EXPECT_EQ(read.seq.value, 1);
  EXPECT_EQ(read.id, message.id);
  EXPECT_EQ(read.tenant, tenant_);
  EXPECT_EQ(read.payload, R"({"a": "ä€😀", "b": [1, 2, {"c": null}]})");
  EXPECT_EQ(read.headers, R"({"content_type": "application/json"})");
  EXPECT_EQ(read.published_at, message.published_at);
  EXPECT_FALSE(read.erased_at);
  EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now() - read.created_at), 1min);
  EXPECT_EQ(page(0).data.at(0).payload, read.payload);
}

TEST_F(MessageStoreTest, DropsAPublishingTimeThatNobodyCouldShow) {
  BatchBuilder batch(tenant_);
  batch.add("{}").published_at = Timestamp::max();
  batch.add("{}").published_at = Timestamp::min();
  batch.add("{}").published_at = Timestamp(std::chrono::sys_days(std::chrono::year(1969) / 12 / 31));
  writer_->store(batch.get()).value();
  const auto read = page(0);
  EXPECT_FALSE(read.data[0].published_at);
  EXPECT_FALSE(read.data[1].published_at);
  EXPECT_EQ(read.data[2].published_at, Timestamp(-24h));
}

TEST_F(MessageStoreTest, SaysWhereToGoOnFromOnEveryPage) {
  store(250);
  auto read = page(0);
  EXPECT_EQ(read.data.size(), 100U);
  EXPECT_EQ(read.next_cursor.value, 100);
  EXPECT_TRUE(read.has_more);
  read = page(200);
  EXPECT_EQ(read.data.size(), 50U);
  EXPECT_EQ(read.next_cursor.value, 250);
  EXPECT_FALSE(read.has_more);
  read = page(150);
  EXPECT_EQ(read.data.size(), 100U);
  EXPECT_FALSE(read.has_more) << "exactly full, and the last";
}

TEST_F(MessageStoreTest, KeepsTheCursorWhenThereIsNothingAfterIt) {
  auto read = page(0);
  EXPECT_TRUE(read.data.empty());
  EXPECT_EQ(read.next_cursor.value, 0);
  EXPECT_EQ(read.oldest_seq.value, 1);
  EXPECT_FALSE(read.truncated);
  EXPECT_EQ(read.epoch, 1);
  store(3);
  EXPECT_EQ(page(3).next_cursor.value, 3);
  read = page(999);
  EXPECT_TRUE(read.data.empty());
  EXPECT_EQ(read.next_cursor.value, 999);
  EXPECT_FALSE(read.has_more);
  EXPECT_EQ(page(std::numeric_limits<std::int64_t>::max()).next_cursor.value, std::numeric_limits<std::int64_t>::max());
}

TEST_F(MessageStoreTest, TellsAReaderWhatRetentionTookFromIt) {
  store(20);
  remove_up_to(10);
  auto read = page(5);
  EXPECT_TRUE(read.truncated);
  EXPECT_EQ(read.oldest_seq.value, 11);
  EXPECT_EQ(read.data.at(0).seq.value, 11);
  EXPECT_FALSE(page(10).truncated);
  remove_up_to(20);
  read = page(5);
  EXPECT_TRUE(read.truncated);
  EXPECT_TRUE(read.data.empty());
  EXPECT_FALSE(read.has_more);
  EXPECT_EQ(read.next_cursor.value, 20);
}

TEST_F(MessageStoreTest, CutsByTimeAtBothEnds) {
  for (int i = 0; i < 40; ++i) store(5);
  const auto since = created_at(51);
  const auto until = created_at(101);
  PageQuery query{Sequence{0}, 30, since, until};
  std::vector<std::int64_t> seen;
  for (;;) {
    const auto read = database_.store().messages().page(store::Reader::everybody(), tenant_, query).value();
    for (const auto& message : read.data) seen.push_back(message.seq.value);
    query.cursor = read.next_cursor;
    if (!read.has_more) break;
  }
  ASSERT_EQ(seen.size(), 50U);
  EXPECT_EQ(seen.front(), 51);
  EXPECT_EQ(seen.back(), 100);

  const auto all = [&](std::optional<Timestamp> from, std::optional<Timestamp> to) {
    return database_.store()
        .messages()
        .page(store::Reader::everybody(), tenant_, {Sequence{0}, 1000, from, to})
        .value()
        .data.size();
  };
  EXPECT_EQ(all(Timestamp::min(), Timestamp::max()), 200U);
  EXPECT_EQ(all(since + 1us, std::nullopt), 145U);
  EXPECT_EQ(all(std::nullopt, since), 50U);
  EXPECT_EQ(all(Timestamp::max(), std::nullopt), 0U);
  EXPECT_EQ(all(until, since), 0U);
  remove_up_to(70);
  EXPECT_EQ(all(since, until), 30U);
}

TEST_F(MessageStoreTest, EndsAPageAtItsBoundOfBytesAndNeverBelowOneRow) {
  store(20, "\"" + std::string(10000, 'x') + "\"");
  store::DatabaseOptions options;
  options.max_page_bytes = 35000;
  const auto bounded = database_.open(options);
  const auto read = bounded->messages().page(store::Reader::everybody(), tenant_, {}).value();
  EXPECT_EQ(read.data.size(), 4U);
  EXPECT_EQ(read.next_cursor.value, 4);
  EXPECT_TRUE(read.has_more);
  options.max_page_bytes = 1;
  EXPECT_EQ(database_.open(options)->messages().page(store::Reader::everybody(), tenant_, {}).value().data.size(), 1U);
}

TEST_F(MessageStoreTest, WritesOutNothingPastTheBoundOfBytes) {
  // Each is under a kilobyte to send and ten megabytes to read: a thousand of them would be ten gigabytes.
  std::string payload = "[1e131071";
  for (int i = 1; i < 80; ++i) payload += ",1e131071";
  store(1000, payload + "]");
  const auto start = std::chrono::steady_clock::now();
  const auto read = page(0, 1000);
  EXPECT_EQ(read.data.size(), 4U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(MessageStoreTest, ShowsAnErasedMessageWithItsNumberAndNothingElse) {
  store(2);
  const auto id = page(0).data[0].id;
  ASSERT_TRUE(database_.store().messages().erase(tenant_, id));
  const auto read = page(0);
  ASSERT_EQ(read.data.size(), 2U);
  EXPECT_EQ(read.data[0].seq.value, 1);
  EXPECT_EQ(read.data[0].id, id);
  EXPECT_TRUE(read.data[0].payload.empty());
  EXPECT_TRUE(read.data[0].headers.empty());
  EXPECT_TRUE(read.data[0].erased_at);
  EXPECT_EQ(read.data[1].payload, R"({"a": 1})");
}

TEST_F(MessageStoreTest, ErasesOnceAndTakesTheBytesOff) {
  store(2, "[\"" + std::string(1000, 'x') + "\"]");
  const auto before = database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().stored_bytes;
  const auto id = page(0).data[0].id;
  ASSERT_TRUE(database_.store().messages().erase(tenant_, id));
  const auto once = page(0).data[0].erased_at;
  const auto after = database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().stored_bytes;
  EXPECT_NEAR(static_cast<double>(after), static_cast<double>(before) / 2, 20);
  ASSERT_TRUE(database_.store().messages().erase(tenant_, id)) << "again";
  EXPECT_EQ(page(0).data[0].erased_at, once);
  EXPECT_EQ(database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().stored_bytes, after);
}

TEST_F(MessageStoreTest, DoesNotStoreAnErasedMessageAgain) {
  BatchBuilder batch(tenant_);
  const auto id = batch.add("{}").id;
  writer_->store(batch.get()).value();
  ASSERT_TRUE(database_.store().messages().erase(tenant_, id));
  for (const bool flagged : {false, true}) {
    BatchBuilder again(tenant_);
    auto& message = again.add(R"({"secret":1})");
    message.id = id;
    message.redelivered = flagged;
    EXPECT_EQ(writer_->store(again.get()).value()[0].duplicates, 1U) << flagged;
  }
  EXPECT_TRUE(page(0).data.at(0).payload.empty());
  EXPECT_EQ(page(0).data.size(), 1U);
}

TEST_F(MessageStoreTest, ErasesTheDeadLetterUnderTheIdAndNoOther) {
  BatchBuilder bad(tenant_);
  auto& first = bad.add("not json");
  first.refusal = Refusal{DeadReason::invalid_json, "it is bad", ""};
  const auto id = first.id;
  bad.add("not json").refusal = Refusal{DeadReason::invalid_json, "it is bad", ""};
  writer_->store(bad.get()).value();
  auto& messages = database_.store().messages();
  const auto refused = messages.erase(tenant_, id);
  ASSERT_TRUE(refused.has_error()) << "there is no message yet";
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("dead letter 1 has it"));

  BatchBuilder mended(tenant_);
  mended.add("{}").id = id;
  writer_->store(mended.get()).value();
  EXPECT_EQ(messages.erase(tenant_, id).value().dead_letters, 1);
  EXPECT_EQ(database_.sql().one("select string_agg(seq::text, ',') from dead_letters"), "2");
  EXPECT_EQ(database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().dead_letters, 1);
}

TEST_F(MessageStoreTest, ErasesNothingOfAnotherTenant) {
  store(1);
  const auto id = page(0).data[0].id;
  auto& messages = database_.store().messages();
  const auto other = make_tenant(database_.store(), "other");
  EXPECT_EQ(messages.erase(other, id).error().code, ErrorCode::not_found);
  EXPECT_EQ(messages.erase(TenantId{Uuid::v4()}, id).error().code, ErrorCode::not_found);
  EXPECT_EQ(page(0).data[0].payload, R"({"a": 1})");
}

TEST_F(MessageStoreTest, KnowsNoForeignAndNoDeletedTenant) {
  store(1);
  const auto id = page(0).data.at(0).id;
  auto& messages = database_.store().messages();
  EXPECT_EQ(messages.page(store::Reader::everybody(), TenantId{Uuid::v4()}, {}).error().code, ErrorCode::not_found);
  const auto other = make_tenant(database_.store(), "other");
  EXPECT_EQ(messages.get(store::Reader::everybody(), other, id).error().code, ErrorCode::not_found);
  EXPECT_TRUE(messages.page(store::Reader::everybody(), other, {}).value().data.empty());
  database_.store().tenants().mark_deleting(tenant_, {}).value();
  EXPECT_EQ(messages.page(store::Reader::everybody(), tenant_, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(messages.get(store::Reader::everybody(), tenant_, id).error().code, ErrorCode::not_found);
}

TEST_F(MessageStoreTest, ReadsOnePartitionHoweverManyThereAre) {
  for (int i = 0; i < 20; ++i) make_tenant(database_.store(), "t" + std::to_string(i));
  const auto plan = database_.sql().rows("explain select * from messages m where m.tenant_id = '" +
                                         tenant_.to_string() + "' and m.seq > 5 order by m.seq limit 10");
  std::string text;
  for (const auto& line : plan) text += line[0] + "\n";
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("Append")));
}

TEST_F(MessageStoreTest, LetsAReaderByCursorSeeEveryNumberOnceWhileFourWritersGoOn) {
  constexpr int kBatches = 40;
  std::atomic<int> running = 4;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i)
    writers.emplace_back([&] {
      const auto writer = database_.store().make_batch_store();
      for (int j = 0; j < kBatches; ++j) {
        BatchBuilder batch(tenant_);
        for (int k = 0; k < 25; ++k) batch.add(R"({"a":1})");
        EXPECT_TRUE(writer->store(batch.get()));
      }
      --running;
    });
  std::vector<std::int64_t> seen;
  Timestamp latest{};
  std::int64_t cursor = 0;
  for (;;) {
    const bool last_round = running == 0;
    const auto read = page(cursor, 64);
    for (const auto& message : read.data) {
      seen.push_back(message.seq.value);
      EXPECT_GE(message.created_at, latest) << "at " << message.seq.value;
      latest = message.created_at;
    }
    cursor = read.next_cursor.value;
    if (last_round && !read.has_more) break;
  }
  for (auto& writer : writers) writer.join();
  ASSERT_EQ(seen.size(), 4U * kBatches * 25U);
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], static_cast<std::int64_t>(i) + 1);
}

}  // namespace
}  // namespace mtmsg
