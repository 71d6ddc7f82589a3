#include <algorithm>

#include "http/body.hpp"
#include "http/etag.hpp"
#include "http/handlers.hpp"
#include "http/idempotency.hpp"
#include "http/parameters.hpp"
#include "wire/json_text.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::http {
namespace {

Response tagged(Response response, std::string etag) {
  response.headers.emplace_back("ETag", std::move(etag));
  return response;
}

Response tenant_json(int status, const Tenant& tenant) {
  std::string out;
  wire::append_tenant(out, tenant);
  return tagged(Response::json(status, std::move(out)), etag_of(tenant));
}

Response concurrency_json(const Tenant& tenant) {
  std::string out;
  wire::append_concurrency(out, tenant.workers);
  return Response::json(200, std::move(out));
}

/// What a GET answers: `response`, or less where the client has it already.
Answer unless_known(const Context& context, const Tenant& tenant, Response response, std::string etag) {
  const auto condition = check_conditions(context.request, tenant, etag);
  if (!condition) return Problem(condition.error());
  if (*condition == Condition::not_modified) response = Response{304, {}, {}, {}, {}};
  return tagged(std::move(response), std::move(etag));
}

/// Makes the change if the tenant is as the client expects it.
Result<Tenant> change_as_expected(const Context& context, TenantUpdate change) {
  auto expected = expected_versions(context.request, *context.tenant);
  if (!expected) return expected.error();
  change.expected = std::move(*expected);
  return context.services.tenants.update(context.tenant->id, change);
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
  return change_as_expected(context, std::move(change));
}

/// As parse_flag, also 1 and 0.
Result<bool> parse_switch(std::string_view text) {
  if (text == "1" || text == "0") return text == "1";
  return parse_flag(text);
}

Result<TenantState> parse_state(std::string_view text) {
  if (const auto state = tenant_state_from(text)) return *state;
  return fail(ErrorCode::invalid_argument, "it is creating, active or deleting");
}

/// A name: of the last tenant of the page before.
Result<std::string> parse_name(std::string_view text) {
  if (auto checked = check_tenant_name(text); !checked) return checked.error();
  return std::string(text);
}

Result<std::string> parse_prefix(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!text.empty() && text.size() <= 63 && std::ranges::all_of(text, fits)) return std::string(text);
  return fail(ErrorCode::invalid_argument, "names begin with 1 to 63 of a-z, 0-9 and -");
}

Result<TenantQuery> read_tenant_query(const Context& context) {
  TenantQuery query;
  if (auto taken = take(context, "cursor", parse_name, query.cursor); !taken) return taken.error();
  if (auto taken = take(context, "limit", parse_limit, query.limit); !taken) return taken.error();
  if (auto taken = take(context, "since", parse_timestamp, query.since); !taken) return taken.error();
  if (auto taken = take(context, "until", parse_timestamp, query.until); !taken) return taken.error();
  if (auto taken = take(context, "state", parse_state, query.state); !taken) return taken.error();
  if (auto taken = take(context, "paused", parse_flag, query.paused); !taken) return taken.error();
  if (auto taken = take(context, "name_prefix", parse_prefix, query.name_prefix); !taken) return taken.error();
  return query;
}

Answer set_paused(Context& context, bool paused) {
  TenantUpdate change;
  change.paused = paused;
  const auto tenant = change_as_expected(context, std::move(change));
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
  const auto query = read_tenant_query(context);
  if (!query) return Problem(query.error());
  const auto page = context.services.tenants.page(*query);
  if (!page) return Problem(page.error());
  std::string out;
  wire::append_tenants(out, *page);
  return Response::json(200, std::move(out));
}

Answer show_tenant(Context& context) {
  const auto view = context.services.tenants.view(context.reader(), *context.tenant);
  if (!view) return Problem(view.error());
  std::string out;
  wire::append_tenant(out, detail_of(*view));
  auto etag = etag_of(view->tenant, out);
  return unless_known(context, view->tenant, Response::json(200, std::move(out)), std::move(etag));
}

Answer change_tenant(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  auto change = wire::read_tenant_update(*body);
  if (!change) return Problem(change.error());
  wire::append_tenant_update(context.note.detail, *change);
  const auto tenant = change_as_expected(context, std::move(*change));
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
  auto expected = expected_versions(context.request, *context.tenant);
  if (!expected) return Problem(expected.error());
  how.expected = std::move(*expected);
  const auto removal = context.services.tenants.remove(context.tenant->id, how);
  if (!removal) return Problem(removal.error());
  if (*removal == tenants::Removal::done) {
    if (!how.keep_messages) return Response{204, {}, {}, {}, {}};
    std::string out;
    wire::append_kept_table(out, store::kept_table(context.tenant->id));
    return Response::json(200, std::move(out));
  }
  // Its version was another one: what is shown carries no tag.
  context.tenant->state = TenantState::deleting;
  std::string out;
  wire::append_tenant(out, *context.tenant);
  return Response::json(202, std::move(out));
}

Answer pause_tenant(Context& context) {
  return set_paused(context, true);
}

Answer resume_tenant(Context& context) {
  return set_paused(context, false);
}

Answer get_concurrency(Context& context) {
  return unless_known(context, *context.tenant, concurrency_json(*context.tenant), etag_of(*context.tenant));
}

Answer set_concurrency(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto tenant = change_workers(context, *body);
  if (!tenant) return Problem(tenant.error());
  return tagged(concurrency_json(*tenant), etag_of(*tenant));
}

}  // namespace mtmsg::http
