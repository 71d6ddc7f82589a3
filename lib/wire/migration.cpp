#include "wire/migration.hpp"

#include <algorithm>

#include "domain/message.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {

void append_migration(std::string& out, const Migration& migration) {
  ObjectWriter object(out);
  object.number("version", migration.version)
      .text("name", migration.name)
      .text("state", migration.applied_at ? "applied" : "pending");
  if (migration.applied_at)
    object.text("applied_at", format_timestamp(*migration.applied_at));
  else
    object.null("applied_at");
  object.close();
}

void append_migrations(std::string& out, const std::vector<Migration>& migrations) {
  ObjectWriter object(out);
  append_array(object.value("data"), migrations, append_migration);
  object.number("pending", std::count_if(migrations.begin(), migrations.end(),
                                         [](const Migration& migration) { return !migration.applied_at; }));
  object.close();
}

Result<std::vector<Migration>> read_migrations(std::string_view json) {
  FieldReader fields(json, "migrations", Reading::tolerant);
  const auto data = fields.raw("data");
  if (auto done = fields.finish(); !done) return done.error();
  auto elements = split_array(data, "migrations");
  if (!elements) return elements.error();
  std::vector<Migration> migrations;
  for (const auto element : *elements) {
    FieldReader row(element, "migration", Reading::tolerant);
    Migration migration{row.number("version"), row.text("name"), row.optional_time("applied_at")};
    if (auto done = row.finish(); !done) return done.error();
    migrations.push_back(std::move(migration));
  }
  return migrations;
}

void append_migrate_request(std::string& out, std::optional<std::int64_t> target) {
  ObjectWriter object(out);
  if (target) object.number("to", *target);
  object.close();
}

Result<std::optional<std::int64_t>> read_migrate_request(std::string_view json) {
  FieldReader fields(json.empty() ? "{}" : json, "migrate", Reading::exact);
  const auto target = fields.optional_number("to");
  if (target && *target < 0) fields.refuse("field \"to\" must not be negative");
  if (auto done = fields.finish(); !done) return done.error();
  return target;
}

}  // namespace mtmsg::wire
