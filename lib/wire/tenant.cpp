#include "wire/tenant.hpp"

#include <array>

#include "domain/message.hpp"
#include "wire/fields.hpp"
#include "wire/limits.hpp"

namespace mtmsg::wire {
namespace {

/// What a tenant has from its creation to its end.
constexpr std::array<std::string_view, 3> kFixedFields{"id", "name", "ordered"};

void write_tenant(ObjectWriter& object, const Tenant& tenant) {
  object.text("id", tenant.id.to_string())
      .text("name", tenant.name)
      .text("state", to_string(tenant.state))
      .number("workers", tenant.workers)
      .flag("paused", tenant.paused)
      .flag("ordered", tenant.ordered);
  append_limits(object.value("limits"), tenant.limits);
  object.text("created_at", format_timestamp(tenant.created_at))
      .text("updated_at", format_timestamp(tenant.updated_at));
}

/// Absent from a daemon that has no limits yet.
TenantLimits take_limits(FieldReader& fields, std::string_view key) {
  const auto raw = fields.optional_raw(key).value_or("null");
  if (raw == "null") return {};
  const auto limits = read_limits(raw);
  if (!limits) fields.refuse(limits.error().message);
  return limits ? *limits : TenantLimits{};
}

Tenant take_tenant(FieldReader& fields) {
  Tenant tenant;
  const auto id = TenantId::parse(fields.text("id"));
  if (!id) fields.refuse("field \"id\" is not a UUID");
  tenant.id = id.value_or(TenantId{});
  tenant.name = fields.text("name");
  const auto state = tenant_state_from(fields.text("state"));
  if (!state) fields.refuse("field \"state\" has an unknown value");
  tenant.state = state.value_or(TenantState::creating);
  tenant.workers = fields.optional_unsigned("workers").value_or(0);
  tenant.paused = fields.flag("paused");
  tenant.ordered = fields.flag("ordered");
  tenant.limits = take_limits(fields, "limits");
  tenant.created_at = fields.time("created_at");
  tenant.updated_at = fields.time("updated_at");
  return tenant;
}

/// Of a request: null is no object.
std::vector<TenantUpdate::LimitChange> take_limit_changes(FieldReader& fields) {
  const auto raw = fields.optional_raw("limits");
  if (!raw) return {};
  auto changes = read_limit_changes(*raw);
  if (changes) return std::move(*changes);
  fields.refuse(changes.error().message);
  return {};
}

Result<Activity> read_activity(std::string_view json) {
  FieldReader fields(json, "activity", Reading::tolerant);
  Activity activity;
  activity.consuming = fields.flag("consuming");
  activity.workers_busy = fields.count("workers_busy");
  activity.unacked = fields.count("unacked");
  activity.waiting = fields.count("waiting");
  activity.stored = fields.count("stored");
  activity.duplicates = fields.count("duplicates");
  activity.dead_letters = fields.count("dead_letters");
  if (auto done = fields.finish(); !done) return done.error();
  return activity;
}

}  // namespace

void append_queue_depth(std::string& out, const std::optional<QueueDepth>& queue) {
  if (!queue) {
    out += "null";
    return;
  }
  ObjectWriter object(out);
  object.number("ready", queue->ready).number("consumers", queue->consumers).close();
}

Result<QueueDepth> read_queue_depth(std::string_view json) {
  FieldReader fields(json, "queue", Reading::tolerant);
  const QueueDepth depth{fields.count("ready"), fields.count("consumers")};
  if (auto done = fields.finish(); !done) return done.error();
  return depth;
}

void append_tenant(std::string& out, const Tenant& tenant) {
  ObjectWriter object(out);
  write_tenant(object, tenant);
  object.close();
}

void append_tenant(std::string& out, const TenantDetail& detail) {
  ObjectWriter object(out);
  write_tenant(object, detail.tenant);
  append_effective_limits(object.value("effective_limits"), detail.effective_limits);
  object.number("messages", detail.messages)
      .number("oldest_seq", detail.oldest_seq)
      .number("stored_bytes", detail.stored_bytes)
      .flag("full", detail.full)
      .number("dead_letters", detail.dead_letters);
  append_queue_depth(object.value("queue"), detail.queue);
  ObjectWriter activity(object.value("activity"));
  activity.flag("consuming", detail.activity.consuming)
      .number("workers_busy", detail.activity.workers_busy)
      .number("unacked", detail.activity.unacked)
      .number("waiting", detail.activity.waiting)
      .number("stored", detail.activity.stored)
      .number("duplicates", detail.activity.duplicates)
      .number("dead_letters", detail.activity.dead_letters)
      .close();
  object.close();
}

void append_tenants(std::string& out, const TenantPage& page) {
  ObjectWriter object(out);
  append_array(object.value("data"), page.data,
               [](std::string& to, const Tenant& tenant) { append_tenant(to, tenant); });
  object.text("next_cursor", page.next_cursor).flag("has_more", page.has_more).close();
}

void append_tenants(std::string& out, const std::vector<Tenant>& tenants) {
  ObjectWriter object(out);
  append_array(object.value("data"), tenants, [](std::string& to, const Tenant& tenant) { append_tenant(to, tenant); });
  object.close();
}

Result<Tenant> read_tenant(std::string_view json) {
  FieldReader fields(json, "tenant", Reading::tolerant);
  auto tenant = take_tenant(fields);
  if (auto done = fields.finish(); !done) return done.error();
  return tenant;
}

Result<TenantDetail> read_tenant_detail(std::string_view json) {
  FieldReader fields(json, "tenant", Reading::tolerant);
  TenantDetail detail;
  detail.tenant = take_tenant(fields);
  detail.messages = fields.number("messages");
  detail.oldest_seq = fields.number("oldest_seq");
  detail.dead_letters = fields.number("dead_letters");
  detail.effective_limits = take_limits(fields, "effective_limits");
  detail.stored_bytes = fields.optional_number("stored_bytes").value_or(0);
  detail.full = fields.optional_flag("full").value_or(false);
  const auto queue = fields.optional_raw("queue").value_or("null");
  const auto activity = fields.raw("activity");
  if (auto done = fields.finish(); !done) return done.error();
  if (queue != "null") {
    auto depth = read_queue_depth(queue);
    if (!depth) return depth.error();
    detail.queue = *depth;
  }
  auto moving = read_activity(activity);
  if (!moving) return moving.error();
  detail.activity = *moving;
  return detail;
}

Result<TenantPage> read_tenants(std::string_view json) {
  FieldReader fields(json, "tenants", Reading::tolerant);
  const auto data = fields.raw("data");
  TenantPage page;
  page.next_cursor = fields.optional_text("next_cursor").value_or("");
  page.has_more = fields.optional_flag("has_more").value_or(false);
  if (auto done = fields.finish(); !done) return done.error();
  auto tenants = read_array(data, "tenants", read_tenant);
  if (!tenants) return tenants.error();
  page.data = std::move(*tenants);
  return page;
}

void append_new_tenant(std::string& out, const NewTenant& request) {
  ObjectWriter object(out);
  object.text("name", request.name);
  if (request.workers) object.number("workers", *request.workers);
  if (request.ordered) object.flag("ordered", true);
  std::vector<TenantUpdate::LimitChange> limits;
  for (const auto& row : limit_rows())
    if (request.limits[row.limit]) limits.push_back({row.limit, request.limits[row.limit]});
  if (!limits.empty()) append_limit_changes(object.value("limits"), limits);
  object.close();
}

Result<NewTenant> read_new_tenant(std::string_view json) {
  FieldReader fields(json, "tenant", Reading::exact);
  NewTenant request;
  request.name = fields.text("name");
  request.workers = fields.optional_unsigned("workers");
  request.ordered = fields.optional_flag("ordered").value_or(false);
  for (const auto& [limit, value] : take_limit_changes(fields)) request.limits[limit] = value;
  if (auto done = fields.finish(); !done) return done.error();
  return request;
}

void append_tenant_update(std::string& out, const TenantUpdate& change) {
  ObjectWriter object(out);
  if (change.workers) object.number("workers", *change.workers);
  if (change.paused) object.flag("paused", *change.paused);
  if (!change.limits.empty()) append_limit_changes(object.value("limits"), change.limits);
  object.close();
}

Result<TenantUpdate> read_tenant_update(std::string_view json) {
  FieldReader fields(json, "tenant", Reading::exact);
  for (const auto fixed : kFixedFields) {
    if (fields.has(fixed))
      return fail(ErrorCode::immutable, "\"" + std::string(fixed) + "\" is fixed when a tenant is created");
  }
  TenantUpdate change;
  change.workers = fields.optional_unsigned("workers");
  change.paused = fields.optional_flag("paused");
  change.limits = take_limit_changes(fields);
  if (auto done = fields.finish(); !done) return done.error();
  if (!change.workers && !change.paused && change.limits.empty()) {
    return fail(ErrorCode::invalid_argument,
                "tenant: nothing to change; give at least one of \"workers\", \"paused\" and \"limits\"");
  }
  return change;
}

void append_kept_table(std::string& out, std::string_view table) {
  ObjectWriter object(out);
  object.text("kept_table", table).close();
}

Result<std::string> read_kept_table(std::string_view json) {
  FieldReader fields(json, "deletion", Reading::tolerant);
  auto table = fields.text("kept_table");
  if (auto done = fields.finish(); !done) return done.error();
  return table;
}

void append_concurrency(std::string& out, unsigned workers) {
  ObjectWriter object(out);
  object.number("workers", workers).close();
}

Result<unsigned> read_concurrency(std::string_view json) {
  FieldReader fields(json, "concurrency", Reading::exact);
  fields.raw("workers");
  const auto workers = fields.optional_unsigned("workers");
  if (auto done = fields.finish(); !done) return done.error();
  return workers.value_or(0);
}

}  // namespace mtmsg::wire
