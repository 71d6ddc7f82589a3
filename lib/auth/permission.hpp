#pragma once

#include "auth/principal.hpp"
#include "auth/scopes.hpp"
#include "core/ids.hpp"

namespace mtmsg::auth {

/// May somebody in this role do it, to his own tenant?
bool permits(Role role, Permission permission) noexcept;

/// May `principal` do this at all, to some tenant? Role and scopes must both allow it. A route that names no
/// tenant asks no more than this.
bool permits(const Principal& principal, Permission permission) noexcept;

/// May `principal` do this to `tenant`? A caller who may not must not learn whether the tenant exists: answer as if it
/// did not. Pure.
bool permits(const Principal& principal, Permission permission, TenantId tenant) noexcept;

}  // namespace mtmsg::auth
