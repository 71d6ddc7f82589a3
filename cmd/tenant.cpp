#include "wire/tenant.hpp"

#include <limits>
#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

struct Options {
  std::string tenant;
  std::optional<unsigned> workers;
  bool yes = false;
};

std::string state_of(const Tenant& tenant) {
  return std::string(to_string(tenant.state)) + (tenant.paused ? ", paused" : "");
}

Fields fields_of(const Tenant& tenant) {
  return {{"name", tenant.name},
          {"id", tenant.id.to_string()},
          {"state", state_of(tenant)},
          {"workers", std::to_string(tenant.workers)},
          {"ordered", tenant.ordered ? "yes" : "no"},
          {"created_at", format_timestamp(tenant.created_at)},
          {"updated_at", format_timestamp(tenant.updated_at)}};
}

Fields fields_of(const wire::TenantDetail& detail) {
  auto fields = fields_of(detail.tenant);
  const auto& activity = detail.activity;
  const auto add = [&](std::string_view key, std::uint64_t value) { fields.emplace_back(key, std::to_string(value)); };
  add("messages", static_cast<std::uint64_t>(detail.messages));
  add("oldest_seq", static_cast<std::uint64_t>(detail.oldest_seq));
  add("dead_letters", static_cast<std::uint64_t>(detail.dead_letters));
  fields.emplace_back("queue_ready", detail.queue ? std::to_string(detail.queue->ready) : "");
  fields.emplace_back("queue_consumers", detail.queue ? std::to_string(detail.queue->consumers) : "");
  fields.emplace_back("consuming", activity.consuming ? "yes" : "no");
  add("workers_busy", activity.workers_busy);
  add("unacked", activity.unacked);
  add("waiting", activity.waiting);
  return fields;
}

ExitCode create(Context& context, const Options& options) {
  NewTenant request;
  request.name = options.tenant;
  request.workers = options.workers;
  const auto tenant = context.client().create_tenant(request);
  if (!tenant) return context.failed(tenant.error());
  std::string json;
  wire::append_tenant(json, *tenant);
  context.print(fields_of(*tenant), json);
  return ExitCode::done;
}

ExitCode list(Context& context) {
  const auto tenants = context.client().tenants();
  if (!tenants) return context.failed(tenants.error());
  Listing listing;
  const bool for_people = context.format() == Format::table;
  listing.table.columns = {{"name"}, {"state"}, {"workers", Kind::number}, {"id"}};
  if (!for_people)
    listing.table.columns.insert(listing.table.columns.end(),
                                 {{"paused"}, {"ordered"}, {"created_at"}, {"updated_at"}});
  for (const auto& tenant : *tenants) {
    const auto state = for_people ? state_of(tenant) : std::string(to_string(tenant.state));
    auto& row = listing.table.rows.emplace_back(
        std::vector{tenant.name, state, std::to_string(tenant.workers), tenant.id.to_string()});
    if (!for_people)
      row.insert(row.end(), {tenant.paused ? "true" : "false", tenant.ordered ? "true" : "false",
                             format_timestamp(tenant.created_at), format_timestamp(tenant.updated_at)});
    wire::append_tenant(listing.json.emplace_back(), tenant);
  }
  wire::append_tenants(listing.document, *tenants);
  context.print(listing);
  if (tenants->empty()) context.note("There are no tenants yet: 'mtmsgctl tenant create NAME' makes one.");
  return ExitCode::done;
}

ExitCode show(Context& context, const Options& options) {
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  std::string json;
  wire::append_tenant(json, *detail);
  context.print(fields_of(*detail), json);
  return ExitCode::done;
}

bool confirmed(Context& context, const wire::TenantDetail& detail) {
  auto& around = context.around();
  const auto kept = std::max<std::int64_t>(detail.messages - detail.oldest_seq + 1, 0);
  const auto waiting = detail.queue ? counted(detail.queue->ready, "message") : "an unknown number of messages";
  around.err.write("Tenant " + detail.tenant.name + " (" + detail.tenant.id.to_string() + ") has\n  " +
                   counted(detail.messages == 0 ? 0 : static_cast<std::uint64_t>(kept), "stored message") + ",\n  " +
                   waiting + " waiting in its queue,\n  " +
                   counted(static_cast<std::uint64_t>(detail.dead_letters), "dead letter") +
                   ".\nAll of it will be deleted. Go on? [y/N] ");
  around.err.flush();
  std::string answer;
  std::getline(around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

ExitCode remove(Context& context, const Options& options) {
  if (!options.yes && !context.around().in_is_terminal)
    return context.usage_error("deleting a tenant asks first, and there is no terminal to ask on; say --yes");
  // Asked for and deleted by id: the name could be another tenant's by the time the answer is given.
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  if (!options.yes && !confirmed(context, *detail)) {
    context.note("Nothing was deleted.");
    return ExitCode::refused;
  }
  const auto deletion = context.client().delete_tenant(detail->tenant.id.to_string());
  if (!deletion) return context.failed(deletion.error());
  context.note(
      *deletion == client::Deletion::done
          ? "Tenant " + detail->tenant.name + " is deleted."
          : "Tenant " + detail->tenant.name +
                " is being deleted; the daemon goes on as soon as nothing outside holds it up any more (RabbitMQ or "
                "PostgreSQL away, or a long transaction on its messages).");
  return ExitCode::done;
}

}  // namespace

void add_tenant(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& create_verb = add_verb(noun, "create", "Create a tenant; returns when it can take messages",
                               "mtmsgctl tenant create acme\nmtmsgctl tenant create acme --workers 8");
  create_verb.add_option("NAME", options->tenant, "1 to 63 of a-z, 0-9 and -, no - at an end")->required();
  create_verb.add_option("--workers", options->workers, "How many workers it gets; the daemon's default if left out")
      ->type_name("N")
      ->check(whole_number(1, std::numeric_limits<unsigned>::max()));
  on_chosen(create_verb, chosen, [options](Context& context) { return create(context, *options); });

  auto& list_verb = add_verb(noun, "list", "List the tenants", "mtmsgctl tenant list\nmtmsgctl -o csv tenant list");
  on_chosen(list_verb, chosen, list);

  auto& show_verb = add_verb(noun, "show", "Show one tenant: its settings, counts and what moves at the moment",
                             "mtmsgctl tenant show acme\nmtmsgctl -o json tenant show acme");
  add_tenant_argument(show_verb, options->tenant);
  on_chosen(show_verb, chosen, [options](Context& context) { return show(context, *options); });

  auto& delete_verb = add_verb(noun, "delete", "Delete a tenant with its queue and all its messages",
                               "mtmsgctl tenant delete acme\nmtmsgctl tenant delete acme --yes");
  add_tenant_argument(delete_verb, options->tenant);
  delete_verb.add_flag("-y,--yes", options->yes, "Don't ask");
  on_chosen(delete_verb, chosen, [options](Context& context) { return remove(context, *options); });
}

}  // namespace mtmsg::ctl
