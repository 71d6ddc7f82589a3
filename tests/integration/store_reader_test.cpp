// The second wall: what a tenant's read gives when its query names somebody else.

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using store::Reader;
using test::BatchBuilder;
using test::make_tenant;
using test::SqlSession;
using test::TestDatabase;
using testing::HasSubstr;

class StoreReaderTest : public testing::Test {
 protected:
  StoreReaderTest() {
    for (const auto tenant : {mine_, other_}) {
      BatchBuilder batch(tenant);
      ids_.push_back(batch.add(R"({"secret":1})").id);
      batch.add("no json").refusal = Refusal{DeadReason::invalid_json, "it is bad", ""};
      writer_->store(batch.get()).value();
    }
  }
  /// What a session that is the reader for `setting` says to `sql`.
  std::string as_reader(const std::string& setting, const std::string& sql) {
    SqlSession session(database_.url());
    session.run("begin; set local role mtmsg_reader; select set_config('mtmsg.tenant', '" + setting + "', true)");
    try {
      return session.one(sql);
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  static std::string quoted(TenantId id) { return "'" + id.to_string() + "'"; }
  static std::string partition_of(TenantId id) {
    auto name = "messages_" + id.to_string();
    std::erase(name, '-');
    return name;
  }

  TestDatabase database_;
  const TenantId mine_ = make_tenant(database_.store(), "mine");
  const TenantId other_ = make_tenant(database_.store(), "other");
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
  std::vector<MessageId> ids_;
};

TEST_F(StoreReaderTest, SeesItsOwn) {
  const auto reader = Reader::of(mine_);
  auto& store = database_.store();
  EXPECT_EQ(store.messages().page(reader, mine_, {}).value().data.size(), 1U);
  EXPECT_EQ(store.messages().get(reader, mine_, ids_[0]).value().payload, R"({"secret": 1})");
  EXPECT_EQ(store.dead_letters().page(reader, mine_, {}, {}, 10).value().data.size(), 1U);
  EXPECT_EQ(store.dead_letters().get(reader, mine_, Sequence{1}).value().body, "no json");
  EXPECT_EQ(store.dead_letters().count(reader, mine_, {}).value(), 1);
  EXPECT_EQ(store.tenants().counts(reader, mine_).value().last_seq.value, 1);
  PageQuery span;
  span.since = Timestamp{};
  EXPECT_EQ(store.messages().page(reader, mine_, span).value().data.size(), 1U);
}

TEST_F(StoreReaderTest, SeesNothingOfAForgedTenant) {
  const auto reader = Reader::of(mine_);
  auto& store = database_.store();
  EXPECT_EQ(store.messages().page(reader, other_, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.messages().get(reader, other_, ids_[1]).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.messages().get(reader, mine_, ids_[1]).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.dead_letters().page(reader, other_, {}, {}, 10).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.dead_letters().get(reader, other_, Sequence{1}).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.dead_letters().count(reader, other_, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.tenants().counts(reader, other_).error().code, ErrorCode::not_found);
}

TEST_F(StoreReaderTest, LeavesNothingInTheSession) {
  store::DatabaseOptions options;
  options.pool_size = 1;
  const auto one = database_.open(options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(one->messages().page(Reader::of(mine_), mine_, {}));
    EXPECT_FALSE(one->messages().page(Reader::of(mine_), other_, {}));
    EXPECT_TRUE(one->messages().page(Reader::everybody(), other_, {})) << "the same session";
    EXPECT_EQ(one->tenants().list().value().size(), 2U);
    EXPECT_TRUE(one->messages().erase(other_, ids_[1]));
  }
}

TEST_F(StoreReaderTest, IsHeldByPostgresqlInEveryTable) {
  for (const std::string table : {"messages", "dead_letters", "tenant_counters", "tenants"}) {
    const std::string key = table == "tenants" ? "id" : "tenant_id";
    EXPECT_EQ(as_reader(mine_.to_string(), "select string_agg(" + key + "::text, ',') from " + table),
              mine_.to_string())
        << table;
    EXPECT_EQ(as_reader(mine_.to_string(), "select count(*) from " + table + " where " + key + " = " + quoted(other_)),
              "0")
        << table;
    EXPECT_EQ(as_reader("", "select count(*) from " + table), "0") << table << ", for nobody";
    EXPECT_THAT(as_reader(mine_.to_string(), "delete from " + table), HasSubstr("permission denied")) << table;
  }
  EXPECT_EQ(as_reader(mine_.to_string(), "select count(*) from mtmsg_read(" + quoted(other_) + ", 0, 9, 9, 9)"), "0");
}

TEST_F(StoreReaderTest, MayReadNoPartitionByItsNameAndNothingElse) {
  for (const auto& name :
       {partition_of(mine_), partition_of(other_), "messages_branch_" + other_.to_string().substr(0, 1),
        std::string("audit_log"), std::string("daemons"), std::string("schema_migrations")})
    EXPECT_THAT(as_reader(mine_.to_string(), "select count(*) from " + name), HasSubstr("permission denied")) << name;
}

TEST_F(StoreReaderTest, TouchesItsPartitionOnly) {
  SqlSession session(database_.url());
  session.run("begin; set local role mtmsg_reader; set local mtmsg.tenant = " + quoted(mine_));
  std::string plan;
  for (const auto& row : session.rows("explain select m.* from messages m where m.tenant_id = " + quoted(mine_) +
                                      " and m.seq > 0 order by m.seq limit 9"))
    plan += row.at(0) + "\n";
  EXPECT_THAT(plan, HasSubstr(partition_of(mine_)));
  EXPECT_THAT(plan, testing::Not(HasSubstr(partition_of(other_))));
  EXPECT_THAT(plan, testing::Not(HasSubstr("Append")));
}

/// A database whose owner may create no roles, as a packaged daemon's is.
class StoreReaderOwnerTest : public testing::Test {
 protected:
  StoreReaderOwnerTest() {
    database_.sql().run("create role " + name_ + " login");
    database_.sql().run("grant create on schema public to " + name_);
    database_.sql().run(
        "do $$ begin create role mtmsg_reader nologin; exception when duplicate_object or "
        "unique_violation then end $$");
    store::DatabaseOptions options;
    options.url = database_.url() + " user=" + name_;  // the last one counts
    owner_ = database_.open(options);
  }
  ~StoreReaderOwnerTest() override {
    owner_.reset();
    database_.sql().run("drop owned by " + name_ + " cascade; drop role " + name_);
  }
  static std::string unique_name() {
    auto name = "mtmsg_owner_" + Uuid::v4().to_string();
    std::erase(name, '-');
    return name;
  }

  TestDatabase database_{TestDatabase::Schema::empty};
  const std::string name_ = unique_name();
  std::unique_ptr<store::Database> owner_;
};

TEST_F(StoreReaderOwnerTest, IsToldWhatAnAdministratorHasToRunAndGoesOnAfterIt) {
  const auto refused = owner_->migrator().up();
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code, ErrorCode::database_unavailable) << "it is tried again";
  EXPECT_THAT(refused.error().message, HasSubstr("create role mtmsg_reader nologin; grant mtmsg_reader to " + name_));
  EXPECT_EQ(database_.sql().one("select max(version) from schema_migrations"), "5") << "nothing of it is there";

  database_.sql().run("grant mtmsg_reader to " + name_);
  ASSERT_TRUE(owner_->migrator().up());
  const auto tenant = make_tenant(*owner_);
  EXPECT_TRUE(owner_->messages().page(Reader::of(tenant), tenant, {}));
  EXPECT_EQ(owner_->messages().page(Reader::of(TenantId{Uuid::v4()}), tenant, {}).error().code, ErrorCode::not_found);
  EXPECT_TRUE(owner_->messages().page(Reader::everybody(), tenant, {}));

  database_.sql().run("revoke mtmsg_reader from " + name_);
  const auto lost = owner_->messages().page(Reader::of(tenant), tenant, {});
  ASSERT_TRUE(lost.has_error());
  EXPECT_THAT(lost.error().message, HasSubstr("the role mtmsg_reader must exist"));
  EXPECT_TRUE(owner_->messages().page(Reader::everybody(), tenant, {})) << "everything else goes on";
}

TEST(StoreReaderMigration, ManyDatabasesMigrateAtOnce) {
  std::vector<std::unique_ptr<TestDatabase>> databases;
  for (int i = 0; i < 4; ++i) databases.push_back(std::make_unique<TestDatabase>(TestDatabase::Schema::empty));
  std::vector<std::future<bool>> migrated;
  for (auto& database : databases)
    migrated.push_back(
        std::async(std::launch::async, [&database] { return database->store().migrator().up().has_value(); }));
  for (auto& each : migrated) EXPECT_TRUE(each.get());
}

}  // namespace
}  // namespace mtmsg
