#include "auth/permission.hpp"

namespace mtmsg::auth {

std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::admin:
      return "admin";
    case Role::tenant:
      return "tenant";
    case Role::viewer:
      return "viewer";
  }
  return "viewer";
}

std::optional<Role> parse_role(std::string_view name) noexcept {
  for (const auto role : {Role::admin, Role::tenant, Role::viewer})
    if (to_string(role) == name) return role;
  return std::nullopt;
}

bool permits(Role role, Permission permission) noexcept {
  if (role == Role::admin) return true;
  switch (permission) {
    case Permission::none:
    case Permission::read_tenant:
    case Permission::read_messages:
      return true;
    case Permission::publish:
    case Permission::manage_dead_letters:
      return role == Role::tenant;
    case Permission::manage_tenants:
    case Permission::migrate:
    case Permission::observe:
    case Permission::audit:
    case Permission::erase_messages:
      return false;
  }
  return false;
}

bool permits(const Principal& principal, Permission permission) noexcept {
  if (permission == Permission::none) return true;
  if (principal.scopes && !principal.scopes->has(permission)) return false;
  return permits(principal.role, permission) && (principal.role == Role::admin || principal.tenant);
}

bool permits(const Principal& principal, Permission permission, TenantId tenant) noexcept {
  if (!permits(principal, permission)) return false;
  return permission == Permission::none || principal.role == Role::admin || principal.tenant == tenant;
}

}  // namespace mtmsg::auth
