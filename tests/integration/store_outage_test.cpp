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

class OutageTest : public testing::Test {
 protected:
  /// Waits until a writer is inside its transaction, held at the counter.
  void wait_for_writer_at_gate() {
    EXPECT_TRUE(test::eventually([&] {
      return database_.sql().one(
                 "select count(*) from pg_stat_activity where datname = current_database() and "
                 "wait_event_type = 'Lock'") == "1";
    }));
  }

  TestDatabase database_;
  TenantId tenant_ = make_tenant(database_.store());
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
};

TEST_F(OutageTest, ABackendThatIsEndedInTheMiddleCostsOneAttemptAndNothingElse) {
  BatchBuilder batch(tenant_);
  for (int i = 0; i < 100; ++i) batch.add("{}");
  SqlSession gate(database_.url());
  gate.run("begin; select 1 from tenant_counters for update");
  std::thread storing([&] {
    const auto first = writer_->store(batch.get());
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::database_unavailable);
  });
  wait_for_writer_at_gate();
  database_.sql().run(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and "
      "wait_event_type = 'Lock'");
  storing.join();
  gate.run("commit");
  EXPECT_EQ(writer_->store(batch.get()).value()[0].stored, 100U);
  EXPECT_EQ(writer_->store(batch.get()).value()[0].duplicates, 100U);
  EXPECT_EQ(database_.sql().one("select count(*) from messages"), "100");
}

TEST_F(OutageTest, ASessionThatEndedBetweenTwoBatchesIsNotEvenNoticed) {
  BatchBuilder batch(tenant_);
  batch.add("{}");
  EXPECT_TRUE(writer_->store(batch.get()));
  database_.sql().run(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and "
      "pid <> pg_backend_pid()");
  EXPECT_TRUE(writer_->store(batch.get()));
}

TEST_F(OutageTest, AnAttemptOfUnknownOutcomeIsRepeatedWithoutADuplicate) {
  BatchBuilder batch(tenant_);
  for (int i = 0; i < 10; ++i) batch.add("{}");
  // Committed, but the answer is lost: what the retry must live with.
  ASSERT_TRUE(database_.store().make_batch_store()->store(batch.get()));
  const auto outcome = writer_->store(batch.get()).value()[0];
  EXPECT_EQ(outcome.stored, 0U);
  EXPECT_EQ(outcome.duplicates, 10U);
  EXPECT_EQ(outcome.last_seq.value, 10);
}

TEST_F(OutageTest, ACounterThatSomebodyHoldsHoldsNobodyElse) {
  const auto neighbour = make_tenant(database_.store(), "neighbour");
  BatchBuilder batch(tenant_);
  batch.add("{}");
  batch.tenant(neighbour).add("{}");
  SqlSession gate(database_.url());
  gate.run("begin; select 1 from tenant_counters where tenant_id = '" + tenant_.to_string() + "' for update");
  const auto outcome = writer_->store(batch.get());
  ASSERT_TRUE(outcome);
  EXPECT_TRUE((*outcome)[0].locked);
  EXPECT_FALSE((*outcome)[0].gone);
  EXPECT_EQ((*outcome)[0].stored, 0U);
  EXPECT_EQ((*outcome)[1].stored, 1U);

  BatchBuilder alone(tenant_);
  alone.add("{}");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(writer_->store(alone.get()).value()[0].locked);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s) << "known to be held: not waited for again";
  gate.run("rollback");
  EXPECT_EQ(writer_->store(alone.get()).value()[0].stored, 1U);
  EXPECT_EQ(database_.sql().one("select count(*) from dead_letters"), "0");
}

TEST_F(OutageTest, APartitionThatSomebodyLocksHoldsNobodyElse) {
  const auto neighbour = make_tenant(database_.store(), "neighbour");
  BatchBuilder batch(tenant_);
  batch.add("{}");
  batch.add(R"("\u0000")");
  batch.tenant(neighbour).add("{}");
  SqlSession gate(database_.url());
  auto name = "messages_" + tenant_.to_string();
  std::erase(name, '-');
  gate.run("begin; lock table " + name + " in share mode");  // as CREATE INDEX does
  const auto outcome = writer_->store(batch.get());
  ASSERT_TRUE(outcome);
  EXPECT_TRUE((*outcome)[0].locked);
  EXPECT_EQ((*outcome)[0].stored + (*outcome)[0].dead_letters, 0U);
  EXPECT_EQ((*outcome)[1].stored, 1U);
  gate.run("rollback");
  const auto again = writer_->store(batch.get()).value();
  EXPECT_EQ(again[0].stored, 1U);
  EXPECT_EQ(again[0].dead_letters, 1U);
  EXPECT_EQ(again[1].duplicates, 1U);
}

TEST_F(OutageTest, ADeadLetterThatSomebodyLocksHoldsNobodyElse) {
  const auto neighbour = make_tenant(database_.store(), "neighbour");
  BatchBuilder batch(tenant_);
  const auto id = batch.add(R"("\u0000")").id;
  ASSERT_EQ(writer_->store(batch.get()).value()[0].dead_letters, 1U);
  BatchBuilder again(tenant_);
  again.add("1");
  again.add(R"("\u0000")").id = id;
  again.tenant(neighbour).add("{}");
  SqlSession gate(database_.url());
  gate.run("begin; select 1 from dead_letters for update");
  const auto outcome = writer_->store(again.get());
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE((*outcome)[0].locked);
  EXPECT_EQ((*outcome)[0].stored + (*outcome)[0].dead_letters, 0U);
  EXPECT_EQ((*outcome)[1].stored, 1U);
  EXPECT_EQ((*outcome)[1].last_seq.value, 1);

  BatchBuilder alone(tenant_);
  alone.add(R"("\u0000")").id = id;
  alone.add("1");
  const auto start = std::chrono::steady_clock::now();
  const auto waited = writer_->store(alone.get());
  ASSERT_TRUE(waited) << waited.error().message;
  EXPECT_TRUE((*waited)[0].locked);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s) << "known to be held: not waited for again";
  gate.run("rollback");
  const auto free_again = writer_->store(again.get()).value();
  EXPECT_EQ(free_again[0].stored, 1U);
  EXPECT_EQ(free_again[0].dead_letters, 1U);
  EXPECT_EQ(free_again[1].duplicates, 1U);
  EXPECT_EQ(database_.sql().one("select deliveries from dead_letters"), "2");
  EXPECT_EQ(database_.sql().one("select string_agg(last_seq::text, ',') from tenant_counters"), "1,1");
}

TEST_F(OutageTest, AnIndexThatIsBuiltOnTheDeadLettersHoldsOnlyThoseWhoHaveSome) {
  const auto replaying = make_tenant(database_.store(), "replaying");
  const auto neighbour = make_tenant(database_.store(), "neighbour");
  BatchBuilder refused(replaying);
  auto& bad = refused.add("1");
  bad.refusal = Refusal{DeadReason::too_large, "too much", ""};
  const auto id = bad.id;
  ASSERT_EQ(writer_->store(refused.get()).value()[0].dead_letters, 1U);
  BatchBuilder batch(tenant_);
  batch.add("{").refusal = Refusal{DeadReason::invalid_json, "no", ""};
  batch.tenant(replaying);
  auto& replayed = batch.add("1");
  replayed.id = id;
  replayed.source = store::Source::replay;
  batch.tenant(neighbour).add("{}");
  SqlSession gate(database_.url());
  gate.run("begin; lock table dead_letters in share mode");  // as CREATE INDEX does
  const auto outcome = writer_->store(batch.get());
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE((*outcome)[0].locked);
  EXPECT_TRUE((*outcome)[1].locked);
  EXPECT_EQ((*outcome)[2].stored, 1U);
  BatchBuilder nothing_else(tenant_);
  nothing_else.add("{").refusal = Refusal{DeadReason::invalid_json, "no", ""};
  const auto only = writer_->store(nothing_else.get());
  ASSERT_TRUE(only) << only.error().message;
  EXPECT_TRUE((*only)[0].locked);
  gate.run("rollback");
  const auto again = writer_->store(batch.get()).value();
  EXPECT_EQ(again[0].dead_letters, 1U);
  EXPECT_EQ(again[1].stored, 1U);
  EXPECT_EQ(again[2].duplicates, 1U);
  EXPECT_EQ(database_.sql().one("select count(*) from dead_letters where replayed_at is not null"), "1");
}

TEST_F(OutageTest, ADaemonThatIsFrozenInItsTransactionIsEndedByItsPeerWhenItIsSilent) {
  const store::DaemonId frozen{Uuid::v4()};
  ASSERT_TRUE(database_.store().presence().beat({frozen, "host", 1, "0"}));
  SqlSession gate(database_.url() + " application_name='mtmsgd " + frozen.to_string() + "'");
  gate.run("begin; select 1 from tenant_counters for update");
  BatchBuilder batch(tenant_);
  batch.add("{}");
  EXPECT_TRUE(writer_->store(batch.get()).value()[0].locked) << "it beats, so it is left alone";
  database_.sql().run("update daemons set beat_at = beat_at - interval '11 s'");
  EXPECT_TRUE(test::eventually([&] { return writer_->store(batch.get()).value()[0].stored == 1; }));
  EXPECT_THROW(gate.run("commit"), std::runtime_error) << "when it wakes up, it finds its transaction gone";
  ASSERT_TRUE(database_.store().presence().leave(frozen));
  EXPECT_EQ(database_.sql().one("select count(*) from daemons"), "0");
}

TEST_F(OutageTest, CancelMakesAWaitingStoreGiveUpSoonAndStaysInForce) {
  BatchBuilder batch(tenant_);
  batch.add("{}");
  SqlSession gate(database_.url());
  gate.run("begin; select 1 from tenant_counters for update");
  std::thread storing([&] {
    const auto start = std::chrono::steady_clock::now();
    const auto outcome = writer_->store(batch.get());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::database_unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  });
  wait_for_writer_at_gate();
  writer_->cancel();
  storing.join();
  gate.run("rollback");
  EXPECT_EQ(writer_->store(batch.get()).error().code, ErrorCode::database_unavailable);
  EXPECT_TRUE(test::eventually([&] { return database_.store().make_batch_store()->store(batch.get()).has_value(); }))
      << "what the cancelled one held is free again";
}

TEST_F(OutageTest, NobodyThereIsAnOutage) {
  store::DatabaseOptions options;
  options.url = "host=127.0.0.1 port=1 dbname=nowhere";
  const auto away = store::open_database(options).value();
  BatchBuilder batch(tenant_);
  batch.add("{}");
  EXPECT_EQ(away->make_batch_store()->store(batch.get()).error().code, ErrorCode::database_unavailable);
  EXPECT_EQ(away->messages().page(store::Reader::everybody(), tenant_, {}).error().code,
            ErrorCode::database_unavailable);
  EXPECT_EQ(away->tenants().list().error().code, ErrorCode::database_unavailable);
}

TEST_F(OutageTest, AFullPoolIsSaidAfterItsLimit) {
  store::DatabaseOptions options;
  options.pool_size = 1;
  options.connect_timeout = 200ms;
  const auto narrow = database_.open(options);
  SqlSession gate(database_.url());
  gate.run("begin; lock table tenants");
  std::thread holder([&] { EXPECT_TRUE(narrow->tenants().list()); });
  wait_for_writer_at_gate();
  const auto refused = narrow->tenants().list();
  gate.run("commit");
  holder.join();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::database_unavailable);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("busy"));
}

}  // namespace
}  // namespace mtmsg
