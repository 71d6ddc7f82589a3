#include "auth/permission.hpp"

#include <gtest/gtest.h>

namespace mtmsg::auth {
namespace {

const TenantId kOwn{Uuid::v4()};
const TenantId kForeign{Uuid::v4()};

TEST(Permission, FollowsTheMatrix) {
  struct Row {
    Permission permission;
    bool admin, tenant, viewer;  // of their own tenant
  };
  const Row rows[] = {
      {Permission::none, true, true, true},
      {Permission::read_tenant, true, true, true},
      {Permission::read_messages, true, true, true},
      {Permission::publish, true, true, false},
      {Permission::manage_dead_letters, true, true, false},
      {Permission::manage_tenants, true, false, false},
      {Permission::migrate, true, false, false},
      {Permission::observe, true, false, false},
      {Permission::audit, true, false, false},
      {Permission::erase_messages, true, false, false},
  };
  const Principal admin{"a", Role::admin, std::nullopt};
  const Principal tenant{"t", Role::tenant, kOwn};
  const Principal viewer{"v", Role::viewer, kOwn};
  for (const auto& row : rows) {
    const auto number = static_cast<int>(row.permission);
    EXPECT_EQ(permits(admin, row.permission, kOwn), row.admin) << number;
    EXPECT_EQ(permits(tenant, row.permission, kOwn), row.tenant) << number;
    EXPECT_EQ(permits(viewer, row.permission, kOwn), row.viewer) << number;
    EXPECT_EQ(permits(tenant, row.permission, kForeign), row.permission == Permission::none) << number;
    EXPECT_EQ(permits(viewer, row.permission, kForeign), row.permission == Permission::none) << number;
  }
}

TEST(Permission, GivesNothingToATenantWithoutATenant) {
  EXPECT_FALSE(permits({"t", Role::tenant, std::nullopt}, Permission::read_messages));
}

TEST(Permission, IsWhatRoleAndScopesBothAllow) {
  Scopes scopes;
  scopes.add(Permission::read_messages);
  scopes.add(Permission::manage_tenants);
  const Principal tenant{"t", Role::tenant, kOwn, scopes};
  EXPECT_TRUE(permits(tenant, Permission::read_messages, kOwn));
  EXPECT_FALSE(permits(tenant, Permission::read_messages, kForeign));
  EXPECT_FALSE(permits(tenant, Permission::publish, kOwn)) << "no scope";
  EXPECT_FALSE(permits(tenant, Permission::manage_tenants, kOwn)) << "not the role's";
  EXPECT_TRUE(permits(tenant, Permission::none, kForeign));
  const Principal admin{"a", Role::admin, std::nullopt, scopes};
  EXPECT_TRUE(permits(admin, Permission::manage_tenants, kOwn));
  EXPECT_FALSE(permits(admin, Permission::migrate));
}

TEST(Scopes, HaveANameForEveryPermissionAndBack) {
  Scopes all;
  for (const auto name : scope_names()) {
    const auto permission = scope_of(name);
    ASSERT_TRUE(permission) << name;
    EXPECT_EQ(scope_name(*permission), name);
    all.add(*permission);
  }
  EXPECT_EQ(all.to_string(),
            "tenants.read messages.read messages.publish dead_letters tenants.manage migrations observe audit "
            "messages.erase");
  EXPECT_EQ(scope_of("openid"), std::nullopt);
  EXPECT_EQ(scope_of(""), std::nullopt);
}

}  // namespace
}  // namespace mtmsg::auth
