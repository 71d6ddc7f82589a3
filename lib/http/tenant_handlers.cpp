#include <algorithm>
#include <array>

#include "http/body.hpp"
#include "http/handlers.hpp"
#include "wire/json_text.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::http {
namespace {

Response tenant_json(int status, const Tenant& tenant) {
  std::string out;
  wire::append_tenant(out, tenant);
  return Response::json(status, std::move(out));
}

Response concurrency_json(const Tenant& tenant) {
  std::string out;
  wire::append_concurrency(out, tenant.workers);
  return Response::json(200, std::move(out));
}

wire::TenantDetail detail_of(const tenants::TenantView& view) {
  wire::TenantDetail detail;
  detail.tenant = view.tenant;
  detail.messages = view.counts.last_seq.value;
  detail.oldest_seq = view.counts.oldest_seq.value;
  detail.dead_letters = view.counts.dead_letters;
  if (view.queue) detail.queue = wire::QueueDepth{view.queue->ready, view.queue->consumers};
  const auto& moves = view.activity;
  detail.activity = {moves.consuming, moves.workers_busy, moves.unacked,     moves.waiting,
                     moves.stored,    moves.duplicates,   moves.dead_letters};
  return detail;
}

/// A field that was decided when the tenant was created is a conflict, not an unknown field.
Result<void> refuse_immutable(std::string_view body) {
  static constexpr std::array<std::string_view, 3> kFixed{"id", "name", "ordered"};
  auto members = wire::split_object(body, "tenant");
  if (!members) return members.error();
  for (const auto& member : *members)
    if (std::find(kFixed.begin(), kFixed.end(), member.key) != kFixed.end())
      return fail(ErrorCode::immutable, "\"" + member.key + "\" is fixed when a tenant is created");
  return {};
}

Result<Tenant> change_workers(Context& context, std::string_view body) {
  const auto workers = wire::read_concurrency(body);
  if (!workers) return workers.error();
  TenantUpdate change;
  change.workers = *workers;
  return context.services.tenants.update(context.tenant->id, change);
}

}  // namespace

Answer create_tenant(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto request = wire::read_new_tenant(*body);
  if (!request) return Problem(request.error());
  const auto tenant = context.services.tenants.create(*request);
  if (!tenant) return Problem(tenant.error());
  auto response = tenant_json(201, *tenant);
  response.headers.emplace_back("Location", "/tenants/" + tenant->id.to_string());
  return response;
}

Answer list_tenants(Context& context) {
  const auto tenants = context.services.tenants.list();
  if (!tenants) return Problem(tenants.error());
  std::string out;
  wire::append_tenants(out, *tenants);
  return Response::json(200, std::move(out));
}

Answer show_tenant(Context& context) {
  const auto view = context.services.tenants.view(*context.tenant);
  if (!view) return Problem(view.error());
  std::string out;
  wire::append_tenant(out, detail_of(*view));
  return Response::json(200, std::move(out));
}

Answer change_tenant(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  if (const auto checked = refuse_immutable(*body); !checked) return Problem(checked.error());
  const auto tenant = change_workers(context, *body);
  if (!tenant) return Problem(tenant.error());
  return tenant_json(200, *tenant);
}

Answer delete_tenant(Context& context) {
  const auto removal = context.services.tenants.remove(context.tenant->id, {});
  if (!removal) return Problem(removal.error());
  if (*removal == tenants::Removal::done) return Response{204, {}, {}, {}, {}};
  context.tenant->state = TenantState::deleting;
  return tenant_json(202, *context.tenant);
}

Answer get_concurrency(Context& context) {
  return concurrency_json(*context.tenant);
}

Answer set_concurrency(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto tenant = change_workers(context, *body);
  if (!tenant) return Problem(tenant.error());
  return concurrency_json(*tenant);
}

}  // namespace mtmsg::http
