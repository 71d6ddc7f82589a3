#include "http/explain_handler.hpp"

#include "http/handlers.hpp"
#include "http/publish_rates.hpp"
#include "wire/explanation.hpp"

namespace mtmsg::http {
namespace {

/// Why this part is not ready; empty while it is.
std::string reason_of(const wire::Readiness& readiness, std::string_view name) {
  for (const auto& part : readiness.parts)
    if (part.name == name && !part.ok) return part.reason.empty() ? "not ready" : part.reason;
  return {};
}

tenants::Circumstances circumstances(const Services& services, const wire::Readiness& readiness, TenantId tenant) {
  tenants::Circumstances around;
  around.database_away = database_trouble(readiness);
  around.broker_away = broker_trouble(readiness);
  around.publishing_blocked = reason_of(readiness, "broker.publish");
  around.throttled = services.rates.throttled(tenant);
  if (services.tried_again) around.tried_again = services.tried_again(tenant);
  return around;
}

wire::Explanation explanation_of(const tenants::TenantFacts& facts, const std::vector<tenants::Finding>& findings) {
  wire::Explanation out;
  out.tenant = facts.tenant.id;
  out.name = facts.tenant.name;
  out.verdict = to_string(tenants::worst_of(findings));
  for (const auto& finding : findings) {
    const auto& row = tenants::row_of(finding.cause);
    out.findings.push_back({std::string(row.name), std::string(to_string(row.severity)), finding.what, finding.advice});
  }
  if (facts.queue_is == tenants::TenantFacts::Queue::there)
    out.queue = wire::QueueDepth{facts.queue.ready, facts.queue.consumers};
  const auto& activity = facts.activity;
  out.consuming = activity.consuming;
  out.workers = activity.workers;
  out.workers_busy = activity.workers_busy;
  out.unacked = activity.unacked;
  out.delivered_per_second = activity.delivered_per_second;
  out.settled_per_second = activity.settled_per_second;
  if (!facts.counts) return out;
  out.messages = facts.counts->last_seq.value;
  out.dead_letters = facts.counts->dead_letters;
  out.last_stored_at = facts.counts->last_created_at;
  return out;
}

}  // namespace

std::string database_trouble(const wire::Readiness& readiness) {
  for (const auto* part : {"database", "writers", "tenants"})
    if (auto reason = reason_of(readiness, part); !reason.empty()) return reason;
  return {};
}

std::string broker_trouble(const wire::Readiness& readiness) {
  return reason_of(readiness, "broker.delivery");
}

Answer explain_tenant(Context& context) {
  const auto& services = context.services;
  const auto readiness = services.readiness();
  const auto around = circumstances(services, readiness, context.tenant->id);
  using Database = tenants::TenantService::Database;
  const auto database = around.database_away.empty() ? Database::asked : Database::left_alone;
  const auto facts = services.tenants.facts(context.reader(), *context.tenant, database);
  const auto audience =
      context.principal.role == auth::Role::admin ? tenants::Audience::administrator : tenants::Audience::tenant;
  std::string out;
  wire::append_explanation(out, explanation_of(facts, tenants::explain(facts, around, audience)));
  return Response::json(200, std::move(out));
}

}  // namespace mtmsg::http
