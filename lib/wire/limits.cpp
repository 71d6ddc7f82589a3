#include "wire/limits.hpp"

#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

void write(ObjectWriter& object, Limit limit, std::optional<std::uint64_t> value) {
  const auto name = row_of(limit).name;
  if (value)
    object.number(name, *value);
  else
    object.null(name);
}

std::vector<TenantUpdate::LimitChange> take_limits(FieldReader& fields) {
  std::vector<TenantUpdate::LimitChange> changes;
  for (const auto& row : limit_rows()) {
    const auto raw = fields.optional_raw(row.name);
    if (!raw) continue;
    if (*raw == "null") {
      changes.push_back({row.limit, std::nullopt});
      continue;
    }
    const auto value = fields.optional_number(row.name);
    if (value && *value < 0) fields.refuse("field \"" + std::string(row.name) + "\" must not be negative");
    changes.push_back({row.limit, static_cast<std::uint64_t>(value.value_or(0))});
  }
  return changes;
}

}  // namespace

void append_limits(std::string& out, const TenantLimits& limits) {
  ObjectWriter object(out);
  for (const auto& row : limit_rows()) write(object, row.limit, limits[row.limit]);
  object.close();
}

void append_effective_limits(std::string& out, const TenantLimits& limits) {
  ObjectWriter object(out);
  for (const auto& row : limit_rows()) write(object, row.limit, limits.value(row.limit));
  object.close();
}

Result<TenantLimits> read_limits(std::string_view json) {
  FieldReader fields(json, "limits", Reading::tolerant);
  TenantLimits limits;
  for (const auto& [limit, value] : take_limits(fields)) limits[limit] = value;
  if (auto done = fields.finish(); !done) return done.error();
  return limits;
}

void append_limit_changes(std::string& out, const std::vector<TenantUpdate::LimitChange>& changes) {
  ObjectWriter object(out);
  for (const auto& [limit, value] : changes) write(object, limit, value);
  object.close();
}

Result<std::vector<TenantUpdate::LimitChange>> read_limit_changes(std::string_view json) {
  FieldReader fields(json, "limits", Reading::exact);
  auto changes = take_limits(fields);
  if (auto done = fields.finish(); !done) return done.error();
  return changes;
}

}  // namespace mtmsg::wire
