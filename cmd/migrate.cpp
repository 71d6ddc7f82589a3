#include <limits>
#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "wire/message.hpp"
#include "wire/migration.hpp"

namespace mtmsg::ctl {
namespace {

ExitCode print_migrations(Context& context, const std::vector<wire::Migration>& migrations) {
  Listing listing;
  listing.table.columns = {{"version", Kind::number}, {"name"}, {"state"}, {"applied_at", Kind::time}};
  for (const auto& migration : migrations) {
    listing.table.rows.push_back({std::to_string(migration.version), migration.name,
                                  migration.applied_at ? "applied" : "pending",
                                  migration.applied_at ? format_timestamp(*migration.applied_at) : ""});
    wire::append_migration(listing.json.emplace_back(), migration);
  }
  wire::append_migrations(listing.document, migrations);
  context.print(listing);
  return ExitCode::done;
}

ExitCode migrate_up(Context& context, std::optional<std::int64_t> target) {
  const auto applied = context.client().migrate(target);
  if (!applied) return context.failed(applied.error());
  if (!applied->empty() || context.format() != Format::table) print_migrations(context, *applied);
  context.note(applied->empty() ? "Nothing was pending." : std::to_string(applied->size()) + " applied.");
  return ExitCode::done;
}

}  // namespace

void add_migrate(CLI::App& noun, Action& chosen) {
  auto& status =
      add_verb(noun, "status", "List the schema's versions and which are applied", "mtmsgctl migrate status");
  on_chosen(status, chosen, [](Context& context) {
    const auto migrations = context.client().migrations();
    return migrations ? print_migrations(context, *migrations) : context.failed(migrations.error());
  });

  const auto target = std::make_shared<std::optional<std::int64_t>>();
  auto& up = add_verb(noun, "up", "Apply what is pending, in order", "mtmsgctl migrate up\nmtmsgctl migrate up --to 3");
  up.add_option("--to", *target, "Stop after this version")
      ->type_name("VERSION")
      ->check(whole_number(1, std::numeric_limits<std::int64_t>::max()));
  on_chosen(up, chosen, [target](Context& context) { return migrate_up(context, *target); });
}

}  // namespace mtmsg::ctl
