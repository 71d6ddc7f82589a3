#include "http/routes.hpp"

#include <algorithm>

#include "http/handlers.hpp"

namespace mtmsg::http {
namespace {

using enum auth::Permission;

constexpr Route kRoutes[] = {
    {"POST", "/tenants", manage_tenants, "", create_tenant, "Create a tenant.", Effect::changes, "tenant.create"},
    {"GET", "/tenants", manage_tenants, "cursor limit since until state paused name_prefix", list_tenants,
     "A page of the tenants, in the order of their names."},
    {"GET", "/tenants/{t}", read_tenant, "", show_tenant, "Show a tenant, what it has stored and what moves."},
    {.method = "GET",
     .pattern = "/tenants/{t}/explain",
     .permission = read_tenant,
     .parameters = "",
     .handler = explain_tenant,
     .help = "Say why a tenant's messages don't arrive, or that they do.",
     .tenant_from = TenantFrom::memory_in_need},
    {"PATCH", "/tenants/{t}", manage_tenants, "", change_tenant, "Change a tenant.", Effect::changes, "tenant.change"},
    {"DELETE", "/tenants/{t}", manage_tenants, "if_empty keep_messages", delete_tenant,
     "Delete a tenant with its queue and messages.", Effect::changes, "tenant.delete"},
    {"POST", "/tenants/{t}/pause", manage_tenants, "", pause_tenant, "Let a tenant's messages wait in its queue.",
     Effect::changes, "tenant.pause"},
    {"POST", "/tenants/{t}/resume", manage_tenants, "", resume_tenant, "Store a paused tenant's messages again.",
     Effect::changes, "tenant.resume"},
    {"GET", "/tenants/{t}/config/concurrency", manage_tenants, "", get_concurrency, "Show a tenant's workers."},
    {"PUT", "/tenants/{t}/config/concurrency", manage_tenants, "", set_concurrency, "Set a tenant's workers.",
     Effect::changes, "tenant.concurrency"},
    {"POST", "/tenants/{t}/messages", auth::Permission::publish, "results", http::publish,
     "Publish one message, or many as NDJSON.", Effect::sends},
    {"GET", "/tenants/{t}/messages", read_messages, "cursor limit since until wait", list_messages,
     "A page of a tenant's messages, or all of them as NDJSON."},
    {"GET", "/tenants/{t}/messages/{id}", read_messages, "", show_message, "Show one message."},
    {"DELETE", "/tenants/{t}/messages/{id}", erase_messages, "", erase_message,
     "Erase what a message says, and keep its number.", Effect::changes, "message.erase"},
    {"GET", "/messages", read_messages, "cursor limit since until wait", list_all_messages,
     "The caller's messages; an admin's walk goes tenant by tenant."},
    {"GET", "/tenants/{t}/dead-letters", manage_dead_letters, "reason since until replayed cursor limit",
     list_dead_letters, "A page of a tenant's dead letters, without their bodies."},
    {"DELETE", "/tenants/{t}/dead-letters", manage_dead_letters, "reason since until replayed all limit dry_run",
     purge_dead_letters, "Delete a selection of dead letters, or count it.", Effect::changes, "dead_letter.purge"},
    {"POST", "/tenants/{t}/dead-letters/replay", manage_dead_letters, "", replay_dead_letters,
     "Try dead letters again as messages.", Effect::changes, "dead_letter.replay"},
    {"GET", "/tenants/{t}/dead-letters/{seq}", manage_dead_letters, "", show_dead_letter,
     "Show one dead letter with its body."},
    {"DELETE", "/tenants/{t}/dead-letters/{seq}", manage_dead_letters, "", delete_dead_letter,
     "Delete one dead letter.", Effect::changes, "dead_letter.delete"},
    {"POST", "/tenants/{t}/dead-letters/{seq}/replay", manage_dead_letters, "", replay_dead_letter,
     "Try one dead letter again.", Effect::changes, "dead_letter.replay"},
    {"GET", "/orphans", manage_tenants, "candidate", list_orphans,
     "What stands in PostgreSQL and RabbitMQ for tenants that do not exist."},
    {"DELETE", "/orphans/{id}", manage_tenants, "", delete_orphan, "Remove what stands for one of them.",
     Effect::changes, "orphan.delete"},
    {"GET", "/migrations", auth::Permission::migrate, "", show_migrations, "Which migrations are applied."},
    {"POST", "/migrations", auth::Permission::migrate, "", http::migrate, "Apply migrations, or take them back.",
     Effect::changes, "schema.migrate"},
    {"GET", "/audit", auth::Permission::audit, "cursor limit order since until subject tenant action", list_audit,
     "A page of the audit log: who changed what."},
    {"GET", "/status", observe, "", show_status, "How the daemon is, in numbers."},
    {"GET", "/activity", observe, "sort reverse name limit", show_activity,
     "What moves, tenant by tenant, and of all together."},
    {"GET", "/metrics", observe, "", show_metrics, "The same for Prometheus."},
    {"GET", "/healthz", none, "", show_health, "The process lives."},
    {"GET", "/readyz", none, "", show_readiness, "The daemon can do its work; if not, why."},
    {"GET", "/openapi.json", none, "", show_openapi, "This API as an OpenAPI document."},
    {"GET", "/docs", none, "", show_docs, "This API for people, in a browser."},
    {"GET", "/docs/{file}", none, "", show_docs_file, "What the page is made of."},
};

/// Calls `visit(pattern's part, segment)` for each pair while it returns true. False when the pattern does not fit.
template <class Visit>
bool walk(std::string_view pattern, const Target& target, Visit visit) {
  for (const auto& segment : target.segments) {
    if (pattern.empty()) return false;
    pattern.remove_prefix(1);
    const auto part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (!visit(part, segment)) return false;
  }
  return pattern.empty();
}

}  // namespace

std::span<const Route> routes() noexcept {
  return kRoutes;
}

std::vector<const Route*> routes_for(const Target& target) {
  std::vector<const Route*> found;
  for (const auto& route : kRoutes)
    if (walk(route.pattern, target, [](auto part, auto& segment) { return part.starts_with('{') || part == segment; }))
      found.push_back(&route);
  return found;
}

std::string_view captured(const Route& route, const Target& target, std::string_view name) {
  std::string_view found;
  walk(route.pattern, target, [&](auto part, auto& segment) {
    if (part == name) found = segment;
    return true;
  });
  return found;
}

bool takes_parameter(const Route& route, std::string_view name) noexcept {
  auto rest = route.parameters;
  while (!rest.empty()) {
    const auto known = rest.substr(0, rest.find(' '));
    if (known == name) return true;
    rest.remove_prefix(std::min(rest.size(), known.size() + 1));
  }
  return false;
}

}  // namespace mtmsg::http
