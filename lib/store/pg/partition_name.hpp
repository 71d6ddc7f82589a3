#pragma once

#include <string>

#include "core/ids.hpp"

namespace mtmsg::store::pg {

/// The name of a tenant's partition: messages_ and the id without dashes. Pure.
std::string partition_name(TenantId id);
/// The table it is attached to: one of sixteen, by the first digit of the id (migrations/0004_branches_of_messages).
std::string branch_name(TenantId id);

}  // namespace mtmsg::store::pg
