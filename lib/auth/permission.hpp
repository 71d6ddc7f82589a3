#pragma once

#include <optional>

#include "auth/principal.hpp"
#include "core/ids.hpp"

namespace mtmsg::auth {

/// What a route asks of its caller. Each row of the route table (http/routes.hpp) names one.
enum class Permission {
  none,                 ///< anybody, also without credentials: health
  read_tenant,          ///< a tenant's row and numbers
  read_messages,        ///< a tenant's messages
  publish,              ///< into a tenant
  manage_dead_letters,  ///< a tenant's: see, replay, delete
  manage_tenants,       ///< create, list, change, delete
  migrate,              ///< the schema: see and change
  observe,              ///< the whole daemon: status, metrics
};

/// May `principal` do this at all, to some tenant? A route that names no tenant asks no more than this.
bool permits(const Principal& principal, Permission permission) noexcept;

/// May `principal` do this to `tenant`? A caller who may not must not learn whether the tenant exists: answer as if it
/// did not. Pure.
bool permits(const Principal& principal, Permission permission, TenantId tenant) noexcept;

}  // namespace mtmsg::auth
