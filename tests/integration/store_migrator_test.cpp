#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using test::TestDatabase;

TEST(Migrator, SeesAnEmptyDatabaseAndChangesNothingInIt) {
  TestDatabase database(TestDatabase::Schema::empty);
  const auto status = database.store().migrator().status().value();
  ASSERT_FALSE(status.empty());
  for (const auto& migration : status) EXPECT_FALSE(migration.applied_at);
  EXPECT_EQ(database.sql().one("select count(*) from pg_class where relnamespace = 'public'::regnamespace"), "0");
}

TEST(Migrator, AppliesAllOnceAndSaysWhatItApplied) {
  TestDatabase database(TestDatabase::Schema::empty);
  auto& migrator = database.store().migrator();
  EXPECT_EQ(migrator.up().value().size(), store::embedded_migrations().size());
  EXPECT_TRUE(migrator.up().value().empty());
  for (const auto& migration : migrator.status().value()) EXPECT_TRUE(migration.applied_at);
}

TEST(Migrator, TakesBackWhatItAppliedAndAppliesItAgain) {
  TestDatabase database;
  auto& migrator = database.store().migrator();
  EXPECT_EQ(migrator.down(0).value().size(), store::embedded_migrations().size());
  EXPECT_EQ(database.sql().one("select to_regclass('messages') is null"), "t");
  EXPECT_EQ(database.sql().one("select count(*) from pg_proc where proname like 'mtmsg%'"), "0");
  EXPECT_EQ(migrator.up().value().size(), store::embedded_migrations().size());
}

TEST(Migrator, AppliesEachOnceWhenSeveralStartTogether) {
  TestDatabase database(TestDatabase::Schema::empty);
  std::atomic<std::size_t> applied = 0;
  std::vector<std::thread> daemons;
  for (int i = 0; i < 4; ++i) daemons.emplace_back([&] { applied += database.open()->migrator().up().value().size(); });
  for (auto& daemon : daemons) daemon.join();
  EXPECT_EQ(applied, store::embedded_migrations().size());
}

TEST(Migrator, NamesAFileThatWasChangedAfterItWasApplied) {
  TestDatabase database;
  database.sql().run("update schema_migrations set checksum = repeat('0', 64) where version = 1");
  const auto status = database.store().migrator().status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::conflict);
  EXPECT_THAT(status.error().message, testing::HasSubstr("0001_tenants_and_messages.up.sql"));
  EXPECT_EQ(database.store().migrator().up().error().code, ErrorCode::conflict);
}

TEST(Migrator, RefusesADatabaseThatIsNewerThanTheProgram) {
  TestDatabase database;
  database.sql().run("insert into schema_migrations (version, name, checksum) values (9999, 'later', '')");
  const auto status = database.store().migrator().status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::conflict);
  EXPECT_THAT(status.error().message, testing::HasSubstr("9999"));
}

TEST(Migrator, RefusesAnEncodingOtherThanUtf8AndNamesIt) {
  TestDatabase database(TestDatabase::Schema::empty, "encoding 'LATIN1' locale 'C' template template0");
  const auto applied = database.store().migrator().up();
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::conflict);
  EXPECT_THAT(applied.error().message, testing::HasSubstr("LATIN1"));
}

TEST(Migrator, MovesEveryTenantsMessagesToTheBranchesAndBack) {
  TestDatabase database(TestDatabase::Schema::empty);
  auto& migrator = database.store().migrator();
  auto& sql = database.sql();
  migrator.up(3).value();
  // One tenant for each first digit, and one whose delete was cut short.
  sql.run(R"(
    do $$
    declare
      tenant uuid;
      name text;
    begin
      for i in 0 .. 16 loop
        tenant := (to_hex(i % 16) || substr(gen_random_uuid()::text, 2))::uuid;
        name := 'messages_' || replace(tenant::text, '-', '');
        insert into tenants (id, name, workers) values (tenant, 'tenant-' || i, 1);
        execute format('create table %I (like messages including all, check (tenant_id = %L))', name, tenant);
        execute format('alter table messages attach partition %I for values in (%L)', name, tenant);
        insert into messages select tenant, n, gen_random_uuid(), to_jsonb(n), null, null, now() from
          generate_series(1, 100) n;
      end loop;
    end
    $$)");
  const auto doomed = sql.one("select 'messages_' || replace(id::text, '-', '') from tenants where name = 'tenant-16'");
  test::SqlSession reader(database.url());
  reader.run("begin isolation level repeatable read; select count(*) from messages");
  sql.run("set statement_timeout = 200");
  EXPECT_ANY_THROW(sql.run("alter table messages detach partition " + doomed + " concurrently"));
  sql.run("reset statement_timeout");
  reader.run("rollback");
  ASSERT_EQ(sql.one("select count(*) from pg_inherits where inhdetachpending"), "1");
  const auto contents = [&] {
    return sql.one(
        "select count(*) || ' ' || md5(string_agg(m::text, ',' order by tenant_id, seq)) from messages m "
        "where (select name from tenants where id = tenant_id) <> 'tenant-16'");
  };
  const auto before = contents();
  ASSERT_EQ(before.substr(0, 5), "1600 ");

  migrator.up(4).value();
  EXPECT_EQ(contents(), before);
  EXPECT_EQ(sql.one("select count(*) from pg_partition_tree('messages') where isleaf"), "16");
  EXPECT_EQ(sql.one("select count(*) from pg_partition_tree('messages') where isleaf and parentrelid <> "
                    "('messages_branch_' || substr(relid::text, 10, 1))::regclass"),
            "0");
  EXPECT_EQ(sql.one("select count(*) from " + doomed), "100") << "the delete goes on with it";
  EXPECT_EQ(sql.one("select count(*) from pg_inherits where inhdetachpending"), "0");

  migrator.down(3).value();
  EXPECT_EQ(contents(), before);
  EXPECT_EQ(sql.one("select count(*) from pg_partition_tree('messages') where isleaf and level = 1"), "16");
  migrator.up().value();
  EXPECT_EQ(contents(), before);
}

TEST(DatabaseCheck, TellsAPendingSchemaFromOneThatIsComplete) {
  TestDatabase database(TestDatabase::Schema::empty);
  const auto before = database.store().check();
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::schema_outdated);
  EXPECT_THAT(before.error().message, testing::HasSubstr("tenants_and_messages"));
  database.store().migrator().up().value();
  EXPECT_TRUE(database.store().check());
}

TEST(DatabaseCheck, SaysThatNobodyAnswers) {
  store::DatabaseOptions options;
  options.url = "host=127.0.0.1 port=1 dbname=nowhere";
  const auto database = store::open_database(options).value();
  EXPECT_EQ(database->check().error().code, ErrorCode::database_unavailable);
}

TEST(DatabaseCheck, GoesOnAfterTheServerEndedItsSessions) {
  TestDatabase database;
  ASSERT_TRUE(database.store().check());
  database.sql().run(
      "select pg_terminate_backend(pid) from pg_stat_activity "
      "where datname = current_database() and pid <> pg_backend_pid()");
  EXPECT_TRUE(test::eventually([&] { return database.store().check().has_value(); }));
}

}  // namespace
}  // namespace mtmsg
