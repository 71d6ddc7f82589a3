#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using namespace std::chrono_literals;
using test::BatchBuilder;
using test::make_tenant;
using test::SqlSession;
using test::TestDatabase;

class BatchStoreTest : public testing::Test {
 protected:
  store::TenantOutcome store_one(const BatchBuilder& batch) { return writer_->store(batch.get()).value().at(0); }
  std::string count(const std::string& what) { return database_.sql().one("select count(*) from " + what); }

  TestDatabase database_;
  TenantId tenant_ = make_tenant(database_.store());
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
};

TEST_F(BatchStoreTest, StoresWhatJsonbTakesEqualToWhatWasSent) {
  const std::vector<std::string> payloads = {R"({"z":1,"a":[true,false,null],"z":2})",
                                             "1e400",
                                             "-0.0",
                                             R"("a\ud83d\ude00\tb")",
                                             "[]",
                                             "  { }  ",
                                             "\"\"",
                                             "123456789012345678901234567890.1234567890",
                                             "\"" + std::string(200000, 'x') + "\"",
                                             "\"\\\\N\\n\\\\.\\n\"",
                                             "\"\xc3\xa4\xf0\x9f\x98\x80\""};
  BatchBuilder batch(tenant_);
  for (const auto& payload : payloads) batch.add(payload);
  ASSERT_EQ(store_one(batch).stored, payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i)
    EXPECT_EQ(database_.sql().one("select $json$" + payloads[i] +
                                  "$json$::jsonb = payload from messages where seq = " + std::to_string(i + 1)),
              "t")
        << payloads[i].substr(0, 50);
}

TEST_F(BatchStoreTest, StoresAnIdOnceHoweverOftenItComes) {
  BatchBuilder batch(tenant_);
  auto& message = batch.add("1");
  auto twice = message;
  const_cast<store::Batch&>(batch.get())[0].messages.push_back(twice);
  auto outcome = store_one(batch);
  EXPECT_EQ(outcome.stored, 1U);
  EXPECT_EQ(outcome.duplicates, 1U);

  outcome = store_one(batch);  // not flagged: found by the unique index
  EXPECT_EQ(outcome.stored, 0U);
  EXPECT_EQ(outcome.duplicates, 2U);
  EXPECT_EQ(outcome.last_seq.value, 1);

  BatchBuilder flagged(tenant_);
  flagged.add("2");
  auto again = twice;
  again.redelivered = true;
  const_cast<store::Batch&>(flagged.get())[0].messages.push_back(again);
  outcome = store_one(flagged);
  EXPECT_EQ(outcome.stored, 1U);
  EXPECT_EQ(outcome.duplicates, 1U);
  EXPECT_EQ(outcome.last_seq.value, 2);
  EXPECT_EQ(database_.sql().one("select array_agg(seq || ':' || payload order by seq) from messages"), "{1:1,2:2}");
}

TEST_F(BatchStoreTest, LeavesATenantOutThatIsBeingDeletedAndStoresItsNeighbour) {
  const auto leaving = make_tenant(database_.store(), "leaving");
  database_.store().tenants().remove_counter(leaving).value();
  BatchBuilder batch(leaving);
  batch.add("1");
  batch.add("x").refusal = Refusal{DeadReason::invalid_json, "no", ""};
  batch.tenant(tenant_);
  batch.add("2");
  const auto outcomes = writer_->store(batch.get()).value();
  EXPECT_TRUE(outcomes[0].gone);
  EXPECT_EQ(outcomes[0].stored + outcomes[0].dead_letters, 0U);
  EXPECT_FALSE(outcomes[1].gone);
  EXPECT_EQ(outcomes[1].stored, 1U);
  EXPECT_EQ(count("messages"), "1");
  EXPECT_EQ(count("dead_letters"), "0");
}

TEST_F(BatchStoreTest, TakesABatchWithNothingInIt) {
  EXPECT_TRUE(writer_->store({}).value().empty());
  EXPECT_EQ(writer_->store({{tenant_, {}}}).value().at(0).stored, 0U);
}

TEST_F(BatchStoreTest, CallsAMissingPartitionALifecycleErrorAndNamesTheTenant) {
  const auto broken = database_.store().tenants().create({"broken", 3}).value().id;
  BatchBuilder batch(broken);
  batch.add("1");
  const auto outcome = writer_->store(batch.get());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::internal);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr(broken.to_string()));
  EXPECT_EQ(count("dead_letters"), "0");
  database_.store().tenants().ensure_partition(broken).value();
  EXPECT_EQ(store_one(batch).stored, 1U) << "and the batch is stored once it is mended";
}

TEST_F(BatchStoreTest, CallsACounterBehindItsMessagesAnErrorAndNoDuplicate) {
  BatchBuilder first(tenant_);
  first.add("1");
  store_one(first);
  database_.sql().run("update tenant_counters set last_seq = 0");
  BatchBuilder second(tenant_);
  second.add("2");
  const auto outcome = writer_->store(second.get());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::internal);
}

TEST_F(BatchStoreTest, NeverLetsCreatedAtGoDownWhenTheClockDoes) {
  database_.sql().run("update tenant_counters set last_created_at = now() + interval '1 hour'");
  BatchBuilder batch(tenant_);
  batch.add("1");
  store_one(batch);
  EXPECT_EQ(database_.sql().one("select m.created_at = c.last_created_at and m.created_at > now() from messages m, "
                                "tenant_counters c"),
            "t");
}

TEST_F(BatchStoreTest, NumbersWithoutHolesWithFourWritersTenTenantsDuplicatesAndBadRows) {
  std::vector<TenantId> tenants;
  for (int i = 0; i < 10; ++i) tenants.push_back(make_tenant(database_.store(), "t" + std::to_string(i)));
  std::atomic<std::uint64_t> stored = 0, duplicates = 0, dead = 0, sent = 0;
  std::vector<std::thread> writers;
  for (unsigned seed = 0; seed < 4; ++seed)
    writers.emplace_back([&, seed] {
      std::mt19937 random(seed);
      const auto writer = database_.store().make_batch_store();
      for (int round = 0; round < 30; ++round) {
        BatchBuilder batch(tenants[random() % tenants.size()]);
        std::set<TenantId> taken{batch.get()[0].tenant};
        for (int part = 0; part < 4; ++part) {
          for (int i = 0; i < 20; ++i) {
            const bool bad = random() % 50 == 0;
            auto& message = batch.add(bad ? R"("\u0000")" : R"({"n":1})");
            // A small space of ids, so that writers meet each other's.
            if (random() % 4 == 0) message.id = MessageId{Uuid::v5(Uuid{}, std::to_string(random() % 300))};
            message.redelivered = random() % 100 == 0;
          }
          const auto next = tenants[random() % tenants.size()];
          if (!taken.insert(next).second) break;
          batch.tenant(next);
        }
        for (const auto& outcome : writer->store(batch.get()).value()) {
          stored += outcome.stored;
          duplicates += outcome.duplicates;
          dead += outcome.dead_letters;
        }
        for (const auto& part : batch.get()) sent += part.messages.size();
      }
    });
  for (auto& writer : writers) writer.join();

  EXPECT_EQ(stored + duplicates + dead, sent);
  EXPECT_GT(duplicates, 0U);
  EXPECT_GT(dead, 0U);
  EXPECT_EQ(count("messages"), std::to_string(stored));
  EXPECT_EQ(database_.sql().one("select coalesce(sum(deliveries), 0) from dead_letters"), std::to_string(dead));
  EXPECT_EQ(database_.sql().rows("select c.tenant_id from tenant_counters c left join lateral (select count(*) as n, "
                                 "max(seq) as top, count(distinct id) as ids from messages where tenant_id = "
                                 "c.tenant_id) m on true left join lateral (select count(*) as n, max(seq) as top from "
                                 "dead_letters where tenant_id = c.tenant_id) d on true where m.n <> c.last_seq or "
                                 "m.ids <> m.n or coalesce(m.top, 0) <> m.n or d.n <> c.dead_letters or d.n <> "
                                 "c.last_dead_seq or coalesce(d.top, 0) <> d.n"),
            test::SqlRows{});
  EXPECT_EQ(count("(select created_at < lag(created_at) over (partition by tenant_id order by seq) as down from "
                  "messages) m where down"),
            "0");
}

TEST_F(BatchStoreTest, FindsTheIdsOfTheWriterItWaitedForBeforeItCopiesAnything) {
  // Both wait for the counter, so the second one's lock statement began before the first one's rows were there. A
  // dedupe inside that statement would miss them and COPY in vain, which leaves dead tuples behind.
  store::DatabaseOptions options;
  options.url = database_.url() + " application_name=twin";
  const auto twins = database_.open(options);
  BatchBuilder batch(tenant_);
  for (int i = 0; i < 500; ++i) batch.add("{}").redelivered = true;
  SqlSession gate(database_.url());
  gate.run("begin; select 1 from tenant_counters for update");
  std::atomic<std::uint32_t> stored = 0, duplicates = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i)
    writers.emplace_back([&] {
      const auto outcome = twins->make_batch_store()->store(batch.get()).value().at(0);
      stored += outcome.stored;
      duplicates += outcome.duplicates;
    });
  const std::string waiting =
      "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  EXPECT_TRUE(test::eventually([&] { return database_.sql().one(waiting) == "2"; }));
  gate.run("commit");
  for (auto& writer : writers) writer.join();

  EXPECT_EQ(stored, 500U);
  EXPECT_EQ(duplicates, 500U);
  EXPECT_EQ(count("messages"), "500");
  // Sessions report what they inserted when they end.
  EXPECT_TRUE(test::eventually([&] {
    return database_.sql().one("select count(*) from pg_stat_activity where application_name = 'twin'") == "0";
  }));
  EXPECT_EQ(database_.sql().one("select sum(n_tup_ins) from pg_stat_user_tables where relname like 'messages\\_%'"),
            "500");
}

}  // namespace
}  // namespace mtmsg
