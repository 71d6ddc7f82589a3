#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/limits.hpp"
#include "domain/tenant.hpp"

/// A tenant's limits in the API's JSON, one member for each row of mtmsg::limit_rows(). Any thread.
namespace mtmsg::wire {

/// Every limit: a number, or null where the configured default counts.
void append_limits(std::string& out, const TenantLimits& limits);
/// Those in force: every limit is a number, 0 where there is none.
void append_effective_limits(std::string& out, const TenantLimits& limits);
/// Of an answer; a limit this reader does not know is passed over, one that is missing is null.
Result<TenantLimits> read_limits(std::string_view json);

/// The limits that are to change; null: back to the default.
void append_limit_changes(std::string& out, const std::vector<TenantUpdate::LimitChange>& changes);
/// Of a request: an unknown limit is refused and named. Does not check the bounds.
Result<std::vector<TenantUpdate::LimitChange>> read_limit_changes(std::string_view json);

}  // namespace mtmsg::wire
