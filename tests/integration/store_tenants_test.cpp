#include <future>
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

class TenantStoreTest : public testing::Test {
 protected:
  std::string partition(TenantId id) {
    auto name = id.to_string();
    std::erase(name, '-');
    return "messages_" + name;
  }
  std::string branch(TenantId id) { return "messages_branch_" + id.to_string().substr(0, 1); }
  bool attached(TenantId id) {
    return database_.sql().one(
               "select count(*) from pg_partition_tree('messages') where isleaf and relid = to_regclass('" +
               partition(id) + "')") == "1";
  }
  bool exists(TenantId id) {
    return database_.sql().one("select to_regclass('" + partition(id) + "') is not null") == "t";
  }
  Result<std::vector<store::TenantOutcome>> store_one(TenantId id) {
    BatchBuilder batch(id);
    batch.add("{}");
    return database_.store().make_batch_store()->store(batch.get());
  }
  static TenantUpdate workers(unsigned count) {
    TenantUpdate change;
    change.workers = count;
    return change;
  }
  /// One whose partition hangs on the same branch.
  TenantId make_beside(TenantId other, const std::string& name) {
    for (int i = 0;; ++i) {
      const auto id = make_tenant(database_.store(), name + "-" + std::to_string(i));
      if (branch(id) == branch(other)) return id;
    }
  }
  /// As the reconciler does it, up to the partition.
  void begin_delete(TenantId id) {
    tenants_.mark_deleting(id, {}).value();
    tenants_.remove_counter(id).value();
  }

  TestDatabase database_;
  store::TenantStore& tenants_ = database_.store().tenants();
};

TEST_F(TenantStoreTest, GivesBackWhatWasCreatedByIdByNameAndInTheList) {
  const auto made = tenants_.create({"acme", 5}).value();
  EXPECT_EQ(made.name, "acme");
  EXPECT_EQ(made.workers, 5U);
  EXPECT_EQ(made.state, TenantState::creating);
  EXPECT_EQ(tenants_.find(made.id).value(), made);
  EXPECT_EQ(tenants_.find_by_name("acme").value(), made);
  EXPECT_EQ(tenants_.list().value(), std::vector<Tenant>{made});
  const auto counts = tenants_.counts(store::Reader::everybody(), made.id).value();
  EXPECT_EQ(counts.last_seq.value, 0);
  EXPECT_EQ(counts.oldest_seq.value, 1);
  EXPECT_EQ(counts.dead_letters, 0);
}

TEST_F(TenantStoreTest, SaysByWhomANameIsTaken) {
  const auto first = tenants_.create({"acme", 3}).value();
  const auto second = tenants_.create({"acme", 3});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, testing::HasSubstr(first.id.to_string()));
}

TEST_F(TenantStoreTest, KnowsNoTenantThatIsNotThere) {
  const TenantId nobody{Uuid::v4()};
  EXPECT_EQ(tenants_.find(nobody).error().code, ErrorCode::not_found);
  EXPECT_EQ(tenants_.find_by_name("nobody").error().code, ErrorCode::not_found);
  EXPECT_EQ(tenants_.find_by_name(std::string_view("a\0b\xff", 4)).error().code, ErrorCode::not_found);
  EXPECT_EQ(tenants_.counts(store::Reader::everybody(), nobody).error().code, ErrorCode::not_found);
  EXPECT_EQ(tenants_.update(nobody, workers(3)).error().code, ErrorCode::not_found);
  EXPECT_EQ(tenants_.mark_active(nobody).error().code, ErrorCode::not_found);
  EXPECT_EQ(tenants_.ensure_partition(nobody).error().code, ErrorCode::not_found);
}

TEST_F(TenantStoreTest, NeverLeavesTheStateDeleting) {
  const auto id = tenants_.create({"acme", 3}).value().id;
  EXPECT_EQ(tenants_.update(id, workers(7)).value().workers, 7U);
  tenants_.mark_deleting(id, {}).value();
  EXPECT_EQ(tenants_.mark_active(id).error().code, ErrorCode::conflict);
  EXPECT_EQ(tenants_.update(id, workers(2)).error().code, ErrorCode::conflict);
  EXPECT_EQ(tenants_.ensure_partition(id).error().code, ErrorCode::conflict);
  EXPECT_TRUE(tenants_.mark_deleting(id, {}));
}

TEST_F(TenantStoreTest, EachChangeMakesANewVersionWhateverTheClockSays) {
  const auto id = make_tenant(database_.store());
  database_.sql().run("update tenants set updated_at = now() + interval '1 hour'");
  auto before = tenants_.find(id).value().updated_at;
  for (unsigned count = 1; count <= 50; ++count) {
    const auto after = tenants_.update(id, workers(count)).value().updated_at;
    EXPECT_GT(after, before);
    before = after;
  }
  EXPECT_GT(tenants_.mark_deleting(id, {true, false}).value().updated_at, before);
  EXPECT_GT(tenants_.spare(id).value().updated_at, before + 1us);
}

TEST_F(TenantStoreTest, OfManyWhoSawTheSameVersionOneChangesIt) {
  const auto id = make_tenant(database_.store());
  auto change = workers(7);
  change.expected = {tenants_.find(id).value().updated_at};
  std::atomic<int> changed{0};
  std::atomic<int> late{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      const auto result = tenants_.update(id, change);
      if (result) ++changed;
      if (!result && result.error().code == ErrorCode::precondition_failed) ++late;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(late, 7);
  EXPECT_EQ(tenants_.mark_deleting(id, {false, false, change.expected}).error().code, ErrorCode::precondition_failed);
  EXPECT_EQ(tenants_.mark_deleting(id, {false, false, ExpectedVersions{std::in_place}}).error().code,
            ErrorCode::precondition_failed);
  change.expected->push_back(tenants_.find(id).value().updated_at);
  EXPECT_TRUE(tenants_.mark_deleting(id, {false, false, change.expected}));
  EXPECT_TRUE(tenants_.mark_deleting(id, {false, false, change.expected})) << "asked for again";
  EXPECT_EQ(tenants_.update(id, change).error().code, ErrorCode::conflict);
}

TEST_F(TenantStoreTest, FinishesAPartitionThatWasHalfDone) {
  const auto id = tenants_.create({"acme", 3}).value().id;
  database_.sql().run("create table " + partition(id) + " (like messages including all)");
  EXPECT_TRUE(tenants_.ensure_partition(id));
  EXPECT_TRUE(attached(id));

  database_.sql().run("alter table " + branch(id) + " detach partition " + partition(id));
  EXPECT_TRUE(tenants_.ensure_partition(id));
  EXPECT_TRUE(attached(id));

  EXPECT_TRUE(tenants_.ensure_partition(id)) << "and once more when all is done";
  EXPECT_EQ(store_one(id).value()[0].stored, 1U);
}

TEST_F(TenantStoreTest, MakesOnePartitionWhenSeveralDaemonsMakeIt) {
  const auto id = tenants_.create({"acme", 3}).value().id;
  std::vector<std::thread> daemons;
  for (int i = 0; i < 4; ++i) daemons.emplace_back([&] { EXPECT_TRUE(tenants_.ensure_partition(id)); });
  for (auto& daemon : daemons) daemon.join();
  EXPECT_TRUE(attached(id));
}

TEST_F(TenantStoreTest, RemovesATenantStepByStepAndEachStepAgain) {
  const auto id = make_tenant(database_.store());
  BatchBuilder batch(id);
  batch.add("{}");
  for (int i = 0; i < 2500; ++i) batch.add("x").refusal = Refusal{DeadReason::invalid_json, "no", ""};
  ASSERT_EQ(database_.store().make_batch_store()->store(batch.get()).value()[0].dead_letters, 2500U);

  EXPECT_EQ(tenants_.remove_row(id).error().code, ErrorCode::conflict) << "not before it is being deleted";
  begin_delete(id);
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(tenants_.remove_counter(id));
    EXPECT_EQ(tenants_.drop_partition(id, 10s).value(), store::Detach::done);
    EXPECT_TRUE(tenants_.remove_row(id));
  }
  EXPECT_FALSE(exists(id));
  EXPECT_EQ(database_.sql().one("select count(*) from dead_letters"), "0");
  EXPECT_EQ(tenants_.find(id).error().code, ErrorCode::not_found);
}

TEST_F(TenantStoreTest, WaitsForNoLongerThanItsPatienceAndLetsOthersStoreMeanwhile) {
  const auto leaving = make_tenant(database_.store(), "leaving");
  const auto staying = make_beside(leaving, "staying");
  SqlSession reader(database_.url());
  reader.run("begin isolation level repeatable read; select count(*) from messages");

  begin_delete(leaving);
  std::atomic<bool> done = false;
  std::thread detacher([&] {
    EXPECT_EQ(tenants_.drop_partition(leaving, 4s).value(), store::Detach::waiting);
    done = true;
  });
  std::chrono::nanoseconds slowest_create{};
  std::thread creator([&] {
    // On any branch, so also on this one, while its detach waits and is finalised in vain.
    for (int i = 0; !done; ++i) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_TRUE(tenants_.ensure_partition(tenants_.create({"joining-" + std::to_string(i), 3}).value().id));
      slowest_create = std::max<std::chrono::nanoseconds>(slowest_create, std::chrono::steady_clock::now() - start);
    }
  });
  const auto writer = database_.store().make_batch_store();
  std::chrono::nanoseconds slowest{};
  while (!done) {
    BatchBuilder batch(staying);
    batch.add("{}");
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(writer->store(batch.get()).value()[0].stored, 1U);
    slowest = std::max<std::chrono::nanoseconds>(slowest, std::chrono::steady_clock::now() - start);
  }
  detacher.join();
  creator.join();
  EXPECT_LT(slowest, 500ms);
  EXPECT_LT(slowest_create, 2s) << "of which " << database_.sql().one("select count(*) from tenants");

  const auto joining = make_beside(leaving, "joined");
  EXPECT_EQ(store_one(joining).value()[0].stored, 1U) << "a create goes on while a detach is pending";
  EXPECT_EQ(tenants_.drop_partition(leaving, 100ms).value(), store::Detach::waiting) << "and asking again is safe";
  reader.run("rollback");
  EXPECT_EQ(tenants_.drop_partition(leaving, 10s).value(), store::Detach::done);
  EXPECT_FALSE(exists(leaving));
}

TEST_F(TenantStoreTest, FinalisesAHalfDoneDetachOfAnotherTenantOfItsBranchFirst) {
  const auto first = make_tenant(database_.store(), "first");
  const auto second = make_beside(first, "second");
  SqlSession reader(database_.url());
  reader.run("begin isolation level repeatable read; select count(*) from messages");
  begin_delete(first);
  begin_delete(second);
  ASSERT_EQ(tenants_.drop_partition(first, 200ms).value(), store::Detach::waiting);
  ASSERT_EQ(database_.sql().one("select count(*) from pg_inherits where inhdetachpending"), "1");
  reader.run("rollback");

  EXPECT_EQ(tenants_.drop_partition(second, 10s).value(), store::Detach::done);
  EXPECT_FALSE(exists(second));
  EXPECT_FALSE(attached(first));
  EXPECT_EQ(tenants_.drop_partition(first, 10s).value(), store::Detach::done);
  EXPECT_FALSE(exists(first));
}

TEST_F(TenantStoreTest, ADaemonThatFrozeWhileItDetachedIsNotWaitedFor) {
  const auto leaving = make_tenant(database_.store(), "leaving");
  begin_delete(leaving);
  const auto frozen = Uuid::v4().to_string();
  SqlSession detacher(database_.url());
  detacher.run("set application_name = 'mtmsgd " + frozen + "'");
  detacher.run("insert into daemons (id, host, pid, version, beat_at) values ('" + frozen +
               "', 'there', 1, '0', clock_timestamp() - interval '1 minute')");
  for (int branch = 0; branch < 16; ++branch)
    detacher.run("select pg_advisory_lock(1836344421, " + std::to_string(branch) + ")");
  EXPECT_EQ(tenants_.drop_partition(leaving, 100ms).value(), store::Detach::waiting);
  EXPECT_EQ(tenants_.drop_partition(leaving, 5s).value(), store::Detach::done);
  EXPECT_FALSE(exists(leaving));
}

TEST_F(TenantStoreTest, ADetachOnOneBranchWaitsForNobodyOnAnother) {
  const auto held = make_tenant(database_.store(), "held");
  auto free = make_tenant(database_.store(), "free");
  for (int i = 0; branch(free) == branch(held); ++i) free = make_tenant(database_.store(), "free-" + std::to_string(i));
  SqlSession reader(database_.url());
  reader.run("begin isolation level repeatable read; select count(*) from " + branch(held));
  begin_delete(held);
  begin_delete(free);
  std::thread waits([&] { EXPECT_EQ(tenants_.drop_partition(held, 3s).value(), store::Detach::waiting); });
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(tenants_.drop_partition(free, 2s).value(), store::Detach::done);
  waits.join();
}

TEST_F(TenantStoreTest, DropsManyPartitionsAtOnceOneAfterTheOther) {
  std::vector<TenantId> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(make_tenant(database_.store(), "t" + std::to_string(i)));
  std::vector<std::thread> daemons;
  for (const auto id : ids)
    daemons.emplace_back([&, id] {
      begin_delete(id);
      EXPECT_EQ(tenants_.drop_partition(id, 30s).value(), store::Detach::done);
    });
  for (auto& daemon : daemons) daemon.join();
  EXPECT_EQ(database_.sql().one("select count(*) from pg_partition_tree('messages') where isleaf"), "0");
}

TEST_F(TenantStoreTest, MakesOneTenantOfARequestThatComesTwiceUnderItsKey) {
  store::TenantRow row{"acme", 3};
  row.idempotency = IdempotencyKey{"key-1", "print-1"};
  const auto first = tenants_.create(row).value();
  EXPECT_EQ(tenants_.create(row).value().id, first.id);
  // Whatever became of it since.
  tenants_.mark_active(first.id).value();
  EXPECT_EQ(tenants_.create(row).value().state, TenantState::active);

  row.idempotency->fingerprint = "print-2";
  const auto other = tenants_.create(row);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
  EXPECT_NE(other.error().message.find("key-1"), std::string::npos);
  row.idempotency = IdempotencyKey{"key-2", "print-1"};
  EXPECT_EQ(tenants_.create(row).error().code, ErrorCode::conflict) << "the name is still taken";
  EXPECT_EQ(tenants_.list().value().size(), 1U);
}

TEST_F(TenantStoreTest, MakesOneTenantOfOneKeyUsedByManyAtOnce) {
  store::TenantRow row{"acme", 3};
  row.idempotency = IdempotencyKey{"key", "print"};
  std::vector<std::future<Result<Tenant>>> made;
  for (int i = 0; i < 6; ++i) made.push_back(std::async(std::launch::async, [&] { return tenants_.create(row); }));
  std::set<TenantId> ids;
  for (auto& each : made) ids.insert(each.get().value().id);
  EXPECT_EQ(ids.size(), 1U);
}

TEST_F(TenantStoreTest, ChangesAllThatIsAskedForOrNothing) {
  const auto id = tenants_.create({"acme", 3}).value().id;
  TenantUpdate change;
  change.workers = 5;
  change.paused = true;
  change.limits = {{Limit::publish_rate, 7}, {Limit::retention_seconds, 60}};
  const auto changed = tenants_.update(id, change).value();
  EXPECT_EQ(changed.workers, 5U);
  EXPECT_TRUE(changed.paused);
  EXPECT_EQ(changed.limits[Limit::publish_rate], 7U);
  EXPECT_EQ(changed.limits[Limit::max_stored_bytes], std::nullopt);
  TenantUpdate back;
  back.limits = {{Limit::publish_rate, std::nullopt}};
  EXPECT_EQ(tenants_.update(id, back).value().limits[Limit::publish_rate], std::nullopt);
  EXPECT_EQ(tenants_.find(id).value().limits[Limit::retention_seconds], 60U);
}

TEST_F(TenantStoreTest, KnowsWhichLivingDaemonsHoldATenantThatIsDeleted) {
  const auto id = tenants_.create({"acme", 3}).value().id;
  const store::Daemon here{store::DaemonId{Uuid::v4()}, "here", 1, "1"};
  const store::Daemon there{store::DaemonId{Uuid::v4()}, "there", 2, "1"};
  for (const auto& daemon : {here, there}) ASSERT_TRUE(database_.store().presence().beat(daemon));
  ASSERT_TRUE(tenants_.release(id, here.id));
  EXPECT_EQ(tenants_.holders(id).value().size(), 2U) << "it is not being deleted";
  tenants_.mark_deleting(id, {}).value();
  ASSERT_TRUE(tenants_.release(id, here.id));
  ASSERT_TRUE(tenants_.release(id, here.id));
  ASSERT_EQ(tenants_.holders(id).value().size(), 1U);
  EXPECT_EQ(tenants_.holders(id).value().front().host, "there");
  database_.sql().run("update daemons set beat_at = beat_at - interval '1 minute' where host = 'there'");
  EXPECT_TRUE(tenants_.holders(id).value().empty()) << "a silent one is not waited for";
  EXPECT_TRUE(tenants_.release(TenantId{Uuid::v4()}, here.id)) << "somebody else has finished";
}

TEST_F(TenantStoreTest, SparesOnlyWhatWasToBeDeletedIfEmptyAndStillHasItsCounter) {
  const auto plain = tenants_.create({"plain", 3}).value().id;
  tenants_.mark_deleting(plain, {}).value();
  EXPECT_EQ(tenants_.spare(plain).error().code, ErrorCode::conflict);
  const auto spared = tenants_.create({"spared", 3}).value().id;
  tenants_.mark_deleting(spared, {true, false}).value();
  EXPECT_EQ(tenants_.mark_deleting(spared, {false, true}).value().keep_messages, false) << "as it was asked first";
  EXPECT_EQ(tenants_.spare(spared).value().state, TenantState::active);
  tenants_.mark_deleting(spared, {true, false}).value();
  tenants_.remove_counter(spared).value();
  EXPECT_EQ(tenants_.spare(spared).error().code, ErrorCode::conflict) << "too late";
}

TEST_F(TenantStoreTest, FindsPartitionsAndDeadLettersThatBelongToNobody) {
  const auto kept = tenants_.create({"kept", 3}).value().id;
  tenants_.ensure_partition(kept).value();
  EXPECT_TRUE(tenants_.orphans().value().empty());
  const auto lost = tenants_.create({"lost", 3}).value().id;
  tenants_.ensure_partition(lost).value();
  const TenantId letters{Uuid::v4()};
  for (const auto id : {kept, letters})
    database_.sql().run(
        "insert into dead_letters (tenant_id, seq, id, reason, detail, deliveries, body, headers) select '" +
        id.to_string() + "', n, gen_random_uuid(), 'expired', '', 1, '', '' from generate_series(1, 3) n");
  database_.sql().run("delete from tenant_counters where tenant_id = '" + lost.to_string() + "'");
  database_.sql().run("delete from tenants where id = '" + lost.to_string() + "'");
  const auto orphans = tenants_.orphans().value();
  ASSERT_EQ(orphans.size(), 2U);
  for (const auto& orphan : orphans) {
    EXPECT_EQ(orphan.partition, orphan.tenant == lost);
    EXPECT_EQ(orphan.dead_letters, orphan.tenant == letters ? 3 : 0);
    EXPECT_TRUE(orphan.tenant == lost || orphan.tenant == letters);
    ASSERT_TRUE(tenants_.drop_partition(orphan.tenant, std::chrono::seconds(5)));
    ASSERT_TRUE(tenants_.remove_row(orphan.tenant));
  }
  EXPECT_TRUE(tenants_.orphans().value().empty());
  EXPECT_EQ(database_.sql().one("select count(*) from dead_letters"), "3");
}

}  // namespace
}  // namespace mtmsg
