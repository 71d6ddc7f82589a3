#include "store/pg/partition_name.hpp"

#include <gtest/gtest.h>

#include "store/migrations.hpp"

namespace mtmsg::store {
namespace {

TEST(PartitionName, IsTheIdWithoutDashes) {
  EXPECT_EQ(pg::partition_name(*TenantId::parse("00112233-4455-6677-8899-aabbccddeeff")),
            "messages_00112233445566778899aabbccddeeff");
}

TEST(PartitionName, HangsOnTheBranchOfTheIdsFirstDigit) {
  EXPECT_EQ(pg::branch_name(*TenantId::parse("00112233-4455-6677-8899-aabbccddeeff")), "messages_branch_0");
  EXPECT_EQ(pg::branch_name(*TenantId::parse("FF112233-4455-6677-8899-aabbccddeeff")), "messages_branch_f");
}

TEST(EmbeddedMigrations, AreNumberedWithoutHolesAndBringTheirWayBack) {
  std::int64_t expected = 0;
  for (const auto& migration : embedded_migrations()) {
    EXPECT_EQ(migration.version, ++expected);
    EXPECT_FALSE(migration.up.empty());
    EXPECT_FALSE(migration.down.empty());
  }
  EXPECT_GT(expected, 0);
}

}  // namespace
}  // namespace mtmsg::store
