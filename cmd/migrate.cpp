#include <algorithm>
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

/// The newest that is applied, and what would be without it.
struct Top {
  wire::Migration newest;
  std::int64_t below = 0;
};

std::optional<Top> top_of(std::vector<wire::Migration> migrations) {
  std::erase_if(migrations, [](const wire::Migration& migration) { return !migration.applied_at; });
  std::ranges::sort(migrations, {}, &wire::Migration::version);
  if (migrations.empty()) return std::nullopt;
  return Top{migrations.back(), migrations.size() > 1 ? migrations[migrations.size() - 2].version : 0};
}

bool confirmed(Context& context, const Top& top, std::int64_t target) {
  auto& around = context.around();
  around.err.write("The schema goes back from version " + std::to_string(top.newest.version) + " (" + top.newest.name +
                   ") to " + std::to_string(target) +
                   ". What the versions between added is dropped, with its data; the daemon of the present version "
                   "can't work with it. Go on? [y/N] ");
  around.err.flush();
  std::string answer;
  std::getline(around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

struct DownOptions {
  std::optional<std::int64_t> target;
  bool yes = false;
};

ExitCode migrate_down(Context& context, const DownOptions& options) {
  if (!options.yes && !context.around().in_is_terminal)
    return context.usage_error("going back drops data and asks first, and there is no terminal to ask on; say --yes");
  const auto migrations = context.client().migrations();
  if (!migrations) return context.failed(migrations.error());
  const auto top = top_of(*migrations);
  const auto target = options.target.value_or(top ? top->below : 0);
  if (!top || target >= top->newest.version) {
    context.note("Nothing to take back: the schema is at version " + std::to_string(top ? top->newest.version : 0) +
                 ".");
    return ExitCode::done;
  }
  if (!options.yes && !confirmed(context, *top, target)) {
    context.note("Nothing was taken back.");
    return ExitCode::refused;
  }
  const auto taken = context.client().migrate(target);
  if (!taken) return context.failed(taken.error());
  print_migrations(context, *taken);
  context.note(std::to_string(taken->size()) + " taken back.");
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

  const auto down_options = std::make_shared<DownOptions>();
  auto& down = add_verb(noun, "down", "Take versions of the schema back, with what they added",
                        "mtmsgctl migrate down\nmtmsgctl migrate down --to 5 --yes");
  down.add_option("--to", down_options->target, "The version to go back to; without it, one version back")
      ->type_name("VERSION")
      ->check(whole_number(0, std::numeric_limits<std::int64_t>::max()));
  down.add_flag("-y,--yes", down_options->yes, "Don't ask");
  on_chosen(down, chosen, [down_options](Context& context) { return migrate_down(context, *down_options); });
}

}  // namespace mtmsg::ctl
