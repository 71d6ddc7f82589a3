#pragma once

#include <string>

#include "core/ids.hpp"

namespace mtmsg::store::pg {

/// The name of a tenant's partition: messages_ and the id without dashes. Pure.
std::string partition_name(TenantId id);

}  // namespace mtmsg::store::pg
