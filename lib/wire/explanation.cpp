#include "wire/explanation.hpp"

#include <algorithm>

#include "domain/message.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

Result<Finding> read_finding(std::string_view json) {
  FieldReader fields(json, "finding", Reading::tolerant);
  Finding finding{fields.text("code"), fields.text("severity"), fields.text("what"),
                  fields.optional_text("advice").value_or("")};
  if (auto done = fields.finish(); !done) return done.error();
  return finding;
}

}  // namespace

void append_finding(std::string& out, const Finding& finding) {
  ObjectWriter object(out);
  object.text("code", finding.code)
      .text("severity", finding.severity)
      .text("what", finding.what)
      .text("advice", finding.advice)
      .close();
}

void append_explanation(std::string& out, const Explanation& explanation) {
  ObjectWriter object(out);
  object.text("tenant_id", explanation.tenant.to_string())
      .text("name", explanation.name)
      .text("verdict", explanation.verdict);
  append_array(object.value("findings"), explanation.findings, append_finding);
  append_queue_depth(object.value("queue"), explanation.queue);
  object.flag("consuming", explanation.consuming)
      .number("workers", explanation.workers)
      .number("workers_busy", explanation.workers_busy)
      .number("unacked", explanation.unacked)
      .decimal("delivered_per_second", explanation.delivered_per_second)
      .decimal("settled_per_second", explanation.settled_per_second);
  const auto maybe = [&object](std::string_view key, const std::optional<std::int64_t>& value) {
    value ? object.number(key, *value) : object.null(key);
  };
  maybe("messages", explanation.messages);
  maybe("dead_letters", explanation.dead_letters);
  if (explanation.last_stored_at)
    object.text("last_stored_at", format_timestamp(*explanation.last_stored_at));
  else
    object.null("last_stored_at");
  object.close();
}

Result<Explanation> read_explanation(std::string_view json) {
  FieldReader fields(json, "explanation", Reading::tolerant);
  Explanation explanation;
  const auto id = TenantId::parse(fields.text("tenant_id"));
  if (!id) fields.refuse("field \"tenant_id\" is not a UUID");
  explanation.tenant = id.value_or(TenantId{});
  explanation.name = fields.text("name");
  explanation.verdict = fields.text("verdict");
  const auto findings = fields.raw("findings");
  const auto queue = fields.optional_raw("queue").value_or("null");
  explanation.consuming = fields.optional_flag("consuming").value_or(false);
  explanation.workers = fields.count("workers");
  explanation.workers_busy = fields.count("workers_busy");
  explanation.unacked = fields.count("unacked");
  explanation.delivered_per_second = fields.optional_decimal("delivered_per_second").value_or(0);
  explanation.settled_per_second = fields.optional_decimal("settled_per_second").value_or(0);
  explanation.messages = fields.optional_number("messages");
  explanation.dead_letters = fields.optional_number("dead_letters");
  explanation.last_stored_at = fields.optional_time("last_stored_at");
  if (auto done = fields.finish(); !done) return done.error();
  auto read = read_array(findings, "findings", read_finding);
  if (!read) return read.error();
  explanation.findings = std::move(*read);
  if (queue == "null") return explanation;
  auto depth = read_queue_depth(queue);
  if (!depth) return depth.error();
  explanation.queue = *depth;
  return explanation;
}

}  // namespace mtmsg::wire
