#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/scopes.hpp"
#include "core/ids.hpp"

namespace mtmsg::auth {

enum class Role {
  admin,   ///< everything
  tenant,  ///< reads and publishes its own, and manages what failed
  viewer,  ///< reads its own
};

std::string_view to_string(Role role) noexcept;
std::optional<Role> parse_role(std::string_view name) noexcept;

/// Who asks. A tenant or viewer without a tenant may do nothing.
struct Principal {
  std::string subject;  ///< for people and the audit log: "unix:uid=0", a token's `sub`
  Role role = Role::viewer;
  std::optional<TenantId> tenant;
  std::optional<Scopes> scopes = std::nullopt;  ///< what the token was narrowed to; without them the role alone decides
  friend bool operator==(const Principal&, const Principal&) = default;
};

}  // namespace mtmsg::auth
