#include "wire/orphan.hpp"

#include <algorithm>

#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

constexpr std::size_t kShownId = 64;

Result<Orphan> read_orphan(std::string_view json) {
  FieldReader fields(json, "orphan", Reading::tolerant);
  Orphan orphan;
  const auto id = TenantId::parse(fields.text("tenant_id"));
  if (!id) fields.refuse("field \"tenant_id\" is not a UUID");
  orphan.tenant = id.value_or(TenantId{});
  orphan.partition = fields.optional_flag("partition").value_or(false);
  orphan.bytes = fields.optional_number("bytes").value_or(0);
  orphan.dead_letters = fields.optional_number("dead_letters").value_or(0);
  const auto queue = fields.optional_raw("queue").value_or("null");
  if (auto done = fields.finish(); !done) return done.error();
  if (queue == "null") return orphan;
  auto depth = read_queue_depth(queue);
  if (!depth) return depth.error();
  orphan.queue = *depth;
  return orphan;
}

}  // namespace

void append_orphan(std::string& out, const Orphan& orphan) {
  ObjectWriter object(out);
  object.text("tenant_id", orphan.tenant.to_string())
      .flag("partition", orphan.partition)
      .number("bytes", orphan.bytes)
      .number("dead_letters", orphan.dead_letters);
  append_queue_depth(object.value("queue"), orphan.queue);
  object.close();
}

void append_orphans(std::string& out, const std::vector<Orphan>& orphans) {
  ObjectWriter object(out);
  append_array(object.value("data"), orphans, append_orphan);
  object.close();
}

Result<std::vector<Orphan>> read_orphans(std::string_view json) {
  FieldReader fields(json, "orphans", Reading::tolerant);
  const auto data = fields.raw("data");
  if (auto done = fields.finish(); !done) return done.error();
  return read_array(data, "orphans", read_orphan);
}

std::string join_candidates(const std::vector<TenantId>& ids) {
  std::string text;
  for (const auto& id : ids) text.append(text.empty() ? "" : ",").append(id.to_string());
  return text;
}

Result<std::vector<TenantId>> parse_candidates(std::string_view text) {
  std::vector<TenantId> ids;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto id = TenantId::parse(part);
    if (!id) {
      return fail(ErrorCode::invalid_argument,
                  "\"" + std::string(part.substr(0, kShownId)) + "\" is not a tenant's id (a UUID)");
    }
    if (std::ranges::find(ids, *id) != ids.end()) continue;
    if (ids.size() == kMaxOrphanCandidates)
      return fail(ErrorCode::invalid_argument,
                  "more than " + std::to_string(kMaxOrphanCandidates) + " ids; ask for them in several requests");
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace mtmsg::wire
