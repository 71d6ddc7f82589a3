#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "domain/audit.hpp"

/// The audit log in the API's JSON. Any thread.
namespace mtmsg::wire {

/// "asc" or "desc". Error: invalid_argument.
Result<AuditOrder> parse_audit_order(std::string_view text);

/// {"seq","at","subject","role","action","method","route","tenant_id","tenant_name","detail":{…},"status","code",
/// "request_id","peer","uid","pid"}; what there is not is null.
void append_audit_entry(std::string& out, const AuditEntry& entry);
Result<AuditEntry> read_audit_entry(std::string_view json);

/// {"data":[…],"next_cursor":"456","has_more"}. wire/message.hpp, read_page reads it.
void append_audit_page(std::string& out, const AuditPage& page);

}  // namespace mtmsg::wire
