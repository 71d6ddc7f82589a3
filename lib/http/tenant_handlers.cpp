#include "http/body.hpp"
#include "http/handlers.hpp"
#include "http/idempotency.hpp"
#include "http/parameters.hpp"
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
  detail.effective_limits = view.limits;
  detail.stored_bytes = view.counts.stored_bytes;
  detail.full = view.full;
  if (view.queue) detail.queue = wire::QueueDepth{view.queue->ready, view.queue->consumers};
  const auto& moves = view.activity;
  detail.activity = {moves.consuming, moves.workers_busy, moves.unacked,     moves.waiting,
                     moves.stored,    moves.duplicates,   moves.dead_letters};
  return detail;
}

Result<Tenant> change_workers(Context& context, std::string_view body) {
  const auto workers = wire::read_concurrency(body);
  if (!workers) return workers.error();
  wire::append_concurrency(context.note.detail, *workers);
  TenantUpdate change;
  change.workers = *workers;
  return context.services.tenants.update(context.tenant->id, change);
}

/// As parse_flag, also 1 and 0.
Result<bool> parse_switch(std::string_view text) {
  if (text == "1" || text == "0") return text == "1";
  return parse_flag(text);
}

Answer set_paused(Context& context, bool paused) {
  TenantUpdate change;
  change.paused = paused;
  const auto tenant = context.services.tenants.update(context.tenant->id, change);
  if (!tenant) return Problem(tenant.error());
  return tenant_json(200, *tenant);
}

}  // namespace

Answer create_tenant(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  auto request = wire::read_new_tenant(*body);
  if (!request) return Problem(request.error());
  std::string canonical;
  wire::append_new_tenant(canonical, *request);
  context.note.detail = canonical;
  auto key = idempotency_key(context.request, "/tenants", canonical);
  if (!key) return Problem(key.error());
  request->idempotency = std::move(*key);
  const auto tenant = context.services.tenants.create(*request);
  if (!tenant) return Problem(tenant.error());
  context.tenant = *tenant;
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
  const auto view = context.services.tenants.view(context.reader(), *context.tenant);
  if (!view) return Problem(view.error());
  std::string out;
  wire::append_tenant(out, detail_of(*view));
  return Response::json(200, std::move(out));
}

Answer change_tenant(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto change = wire::read_tenant_update(*body);
  if (!change) return Problem(change.error());
  wire::append_tenant_update(context.note.detail, *change);
  const auto tenant = context.services.tenants.update(context.tenant->id, *change);
  if (!tenant) return Problem(tenant.error());
  return tenant_json(200, *tenant);
}

Answer delete_tenant(Context& context) {
  store::Deletion how;
  if (auto taken = take(context, "if_empty", parse_switch, how.if_empty); !taken) return Problem(taken.error());
  if (auto taken = take(context, "keep_messages", parse_switch, how.keep_messages); !taken)
    return Problem(taken.error());
  wire::ObjectWriter(context.note.detail)
      .flag("if_empty", how.if_empty)
      .flag("keep_messages", how.keep_messages)
      .close();
  const auto removal = context.services.tenants.remove(context.tenant->id, how);
  if (!removal) return Problem(removal.error());
  if (*removal == tenants::Removal::done) {
    if (!how.keep_messages) return Response{204, {}, {}, {}, {}};
    std::string out;
    wire::append_kept_table(out, store::kept_table(context.tenant->id));
    return Response::json(200, std::move(out));
  }
  context.tenant->state = TenantState::deleting;
  return tenant_json(202, *context.tenant);
}

Answer pause_tenant(Context& context) {
  return set_paused(context, true);
}

Answer resume_tenant(Context& context) {
  return set_paused(context, false);
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
