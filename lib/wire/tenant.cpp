#include "wire/tenant.hpp"

#include "domain/message.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

void write_tenant(ObjectWriter& object, const Tenant& tenant) {
  object.text("id", tenant.id.to_string())
      .text("name", tenant.name)
      .text("state", to_string(tenant.state))
      .number("workers", tenant.workers)
      .flag("paused", tenant.paused)
      .flag("ordered", tenant.ordered)
      .text("created_at", format_timestamp(tenant.created_at))
      .text("updated_at", format_timestamp(tenant.updated_at));
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
  tenant.created_at = fields.time("created_at");
  tenant.updated_at = fields.time("updated_at");
  return tenant;
}

std::uint64_t count(FieldReader& fields, std::string_view key) {
  const auto value = fields.optional_number(key).value_or(0);
  return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

Result<QueueDepth> read_queue(std::string_view json) {
  FieldReader fields(json, "queue", Reading::tolerant);
  const QueueDepth depth{count(fields, "ready"), count(fields, "consumers")};
  if (auto done = fields.finish(); !done) return done.error();
  return depth;
}

Result<Activity> read_activity(std::string_view json) {
  FieldReader fields(json, "activity", Reading::tolerant);
  Activity activity;
  activity.consuming = fields.flag("consuming");
  activity.workers_busy = count(fields, "workers_busy");
  activity.unacked = count(fields, "unacked");
  activity.waiting = count(fields, "waiting");
  activity.stored = count(fields, "stored");
  activity.duplicates = count(fields, "duplicates");
  activity.dead_letters = count(fields, "dead_letters");
  if (auto done = fields.finish(); !done) return done.error();
  return activity;
}

}  // namespace

void append_tenant(std::string& out, const Tenant& tenant) {
  ObjectWriter object(out);
  write_tenant(object, tenant);
  object.close();
}

void append_tenant(std::string& out, const TenantDetail& detail) {
  ObjectWriter object(out);
  write_tenant(object, detail.tenant);
  object.number("messages", detail.messages)
      .number("oldest_seq", detail.oldest_seq)
      .number("dead_letters", detail.dead_letters);
  if (detail.queue) {
    ObjectWriter queue(object.value("queue"));
    queue.number("ready", detail.queue->ready).number("consumers", detail.queue->consumers).close();
  } else {
    object.null("queue");
  }
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
  const auto queue = fields.optional_raw("queue").value_or("null");
  const auto activity = fields.raw("activity");
  if (auto done = fields.finish(); !done) return done.error();
  if (queue != "null") {
    auto depth = read_queue(queue);
    if (!depth) return depth.error();
    detail.queue = *depth;
  }
  auto moving = read_activity(activity);
  if (!moving) return moving.error();
  detail.activity = *moving;
  return detail;
}

Result<std::vector<Tenant>> read_tenants(std::string_view json) {
  FieldReader fields(json, "tenants", Reading::tolerant);
  const auto data = fields.raw("data");
  if (auto done = fields.finish(); !done) return done.error();
  auto elements = split_array(data, "tenants");
  if (!elements) return elements.error();
  std::vector<Tenant> tenants;
  for (const auto element : *elements) {
    auto tenant = read_tenant(element);
    if (!tenant) return tenant.error();
    tenants.push_back(std::move(*tenant));
  }
  return tenants;
}

void append_new_tenant(std::string& out, const NewTenant& request) {
  ObjectWriter object(out);
  object.text("name", request.name);
  if (request.workers) object.number("workers", *request.workers);
  object.close();
}

Result<NewTenant> read_new_tenant(std::string_view json) {
  FieldReader fields(json, "tenant", Reading::exact);
  NewTenant request;
  request.name = fields.text("name");
  request.workers = fields.optional_unsigned("workers");
  if (auto done = fields.finish(); !done) return done.error();
  return request;
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
