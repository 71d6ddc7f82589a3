#include <algorithm>

#include "http/body.hpp"
#include "http/handlers.hpp"
#include "wire/migration.hpp"
#include "wire/status.hpp"

namespace mtmsg::http {
namespace {

Response migrations_json(const std::vector<store::MigrationStatus>& migrations) {
  std::vector<wire::Migration> shown;
  shown.reserve(migrations.size());
  for (const auto& migration : migrations) shown.push_back({migration.version, migration.name, migration.applied_at});
  std::string out;
  wire::append_migrations(out, shown);
  return Response::json(200, std::move(out));
}

/// Up or down is decided by where the schema stands: below the newest applied version, down.
/// To nothing only when there is nothing to lose.
Result<std::vector<store::MigrationStatus>> migrate_to(const Services& services, std::optional<std::int64_t> target) {
  auto& migrator = services.migrator;
  if (!target) return migrator.up();
  const auto status = migrator.status();
  if (!status) return status.error();
  const bool known =
      *target == 0 || std::any_of(status->begin(), status->end(), [&](auto& each) { return each.version == *target; });
  if (!known) return fail(ErrorCode::invalid_argument, "there is no migration " + std::to_string(*target));
  const bool down = std::any_of(status->begin(), status->end(),
                                [&](auto& each) { return each.applied_at && each.version > *target; });
  if (!down) return migrator.up(target);
  if (*target == 0) {
    const auto tenants = services.tenants.list();
    if (!tenants) return tenants.error();
    if (!tenants->empty()) {
      return fail(ErrorCode::conflict, "going back to 0 would drop the messages of " + std::to_string(tenants->size()) +
                                           " tenants: delete the tenants first");
    }
  }
  return migrator.down(*target);
}

}  // namespace

Answer show_migrations(Context& context) {
  const auto status = context.services.migrator.status();
  if (!status) return Problem(status.error());
  return migrations_json(*status);
}

Answer migrate(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto target = wire::read_migrate_request(*body);
  if (!target) return Problem(target.error());
  wire::append_migrate_request(context.note.detail, *target);
  const auto changed = migrate_to(context.services, *target);
  if (!changed) return Problem(changed.error());
  for (const auto& migration : *changed) {
    if (context.services.on_migrated) context.services.on_migrated(migration);
  }
  return migrations_json(*changed);
}

Answer show_status(Context& context) {
  std::string out;
  wire::append_status(out, context.services.status());
  return Response::json(200, std::move(out));
}

Answer show_health(Context&) {
  return Response::json(200, R"({"status":"ok"})");
}

Answer show_readiness(Context& context) {
  const auto readiness = context.services.readiness();
  std::string out;
  wire::append_readiness(out, readiness);
  return Response::json(readiness.ready ? 200 : 503, std::move(out));
}

Answer show_metrics(Context& context) {
  return Response{200, "text/plain; version=0.0.4; charset=utf-8", context.services.metrics(), {}, {}};
}

}  // namespace mtmsg::http
