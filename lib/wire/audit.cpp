#include "wire/audit.hpp"

#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

void text_or_null(ObjectWriter& object, std::string_view key, std::string_view text) {
  if (text.empty())
    object.null(key);
  else
    object.text(key, text);
}

void number_or_null(ObjectWriter& object, std::string_view key, std::optional<std::int64_t> number) {
  if (number)
    object.number(key, *number);
  else
    object.null(key);
}

std::string optional(FieldReader& fields, std::string_view key) {
  return fields.optional_text(key).value_or("");
}

}  // namespace

Result<AuditOrder> parse_audit_order(std::string_view text) {
  if (text == "asc") return AuditOrder::oldest_first;
  if (text == "desc") return AuditOrder::newest_first;
  return fail(ErrorCode::invalid_argument, "it is asc or desc");
}

void append_audit_entry(std::string& out, const AuditEntry& entry) {
  ObjectWriter object(out);
  object.number("seq", entry.seq.value)
      .text("at", format_timestamp(entry.at))
      .text("subject", entry.subject)
      .text("role", entry.role)
      .text("action", entry.action)
      .text("method", entry.method)
      .text("route", entry.route);
  text_or_null(object, "tenant_id", entry.tenant ? entry.tenant->to_string() : "");
  text_or_null(object, "tenant_name", entry.tenant_name);
  object.raw("detail", entry.detail.empty() ? "{}" : entry.detail).number("status", entry.status);
  text_or_null(object, "code", entry.code);
  text_or_null(object, "request_id", entry.request_id);
  object.text("peer", entry.peer);
  number_or_null(object, "uid", entry.uid);
  number_or_null(object, "pid", entry.pid);
  object.close();
}

Result<AuditEntry> read_audit_entry(std::string_view json) {
  FieldReader fields(json, "audit entry", Reading::tolerant);
  AuditEntry entry;
  entry.seq = Sequence{fields.number("seq")};
  entry.at = fields.time("at");
  entry.subject = fields.text("subject");
  entry.role = fields.text("role");
  entry.action = fields.text("action");
  entry.method = fields.text("method");
  entry.route = fields.text("route");
  entry.tenant = TenantId::parse(optional(fields, "tenant_id"));
  entry.tenant_name = optional(fields, "tenant_name");
  entry.detail = fields.optional_raw("detail").value_or("{}");
  entry.status = static_cast<int>(fields.number("status"));
  entry.code = optional(fields, "code");
  entry.request_id = optional(fields, "request_id");
  entry.peer = fields.text("peer");
  entry.uid = fields.optional_number("uid");
  entry.pid = fields.optional_number("pid");
  if (auto done = fields.finish(); !done) return done.error();
  return entry;
}

void append_audit_page(std::string& out, const AuditPage& page) {
  ObjectWriter object(out);
  append_array(object.value("data"), page.data, append_audit_entry);
  object.text("next_cursor", std::to_string(page.next_cursor.value)).flag("has_more", page.has_more).close();
}

}  // namespace mtmsg::wire
