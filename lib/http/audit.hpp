#pragma once

#include <string_view>

#include "domain/audit.hpp"
#include "http/routes.hpp"

namespace mtmsg::http {

/// Is it to be written down that this request reached its handler? Pure.
bool is_audited(const Route& route, const Context& context) noexcept;

/// What is known of a request that changed something, or was to. `code` is the problem's, empty when it was done. Pure.
AuditEntry audit_entry(const Route& route, const Context& context, int status, std::string_view code);

/// Writes it down, and tells services.on_change. Where the database was away for the change itself it is not asked
/// again. Never fails: what has taken effect stays so.
void audit(const Route& route, const Context& context, int status, std::string_view code);

}  // namespace mtmsg::http
