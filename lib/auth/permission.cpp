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

bool permits(const Principal& principal, Permission permission) noexcept {
  if (permission == Permission::none || principal.role == Role::admin) return true;
  if (!principal.tenant) return false;
  switch (permission) {
    case Permission::read_tenant:
    case Permission::read_messages:
      return true;
    case Permission::publish:
    case Permission::manage_dead_letters:
      return principal.role == Role::tenant;
    default:
      return false;
  }
}

bool permits(const Principal& principal, Permission permission, TenantId tenant) noexcept {
  if (!permits(principal, permission)) return false;
  return permission == Permission::none || principal.role == Role::admin || principal.tenant == tenant;
}

}  // namespace mtmsg::auth
