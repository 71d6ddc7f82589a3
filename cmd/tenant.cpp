#include "wire/tenant.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "cmd/limit_options.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

struct Options {
  std::string tenant;
  std::optional<unsigned> workers;
  bool ordered = false;
  std::vector<TenantUpdate::LimitChange> limits;
  std::string idempotency_key;
  std::string state;
  std::string name_prefix;
  client::DeletionOptions deletion;
  bool yes = false;
};

constexpr auto kMostWorkers = std::numeric_limits<unsigned>::max();
constexpr auto kStates = "creating, active, paused, deleting";

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

/// The limit in force, and for people where it comes from.
std::string limit_field(const wire::TenantDetail& detail, Limit limit, bool for_people) {
  const auto value = detail.effective_limits.value(limit);
  if (!for_people) return std::to_string(value);
  return limit_text(limit, value) + (detail.tenant.limits[limit] ? "" : " (default)");
}

Fields fields_of(const wire::TenantDetail& detail, bool for_people) {
  auto fields = fields_of(detail.tenant);
  const auto& activity = detail.activity;
  const auto add = [&](std::string_view key, std::uint64_t value) { fields.emplace_back(key, std::to_string(value)); };
  for (const auto& row : limit_rows()) fields.emplace_back(row.name, limit_field(detail, row.limit, for_people));
  add("messages", static_cast<std::uint64_t>(detail.messages));
  add("oldest_seq", static_cast<std::uint64_t>(detail.oldest_seq));
  add("stored_bytes", static_cast<std::uint64_t>(detail.stored_bytes));
  fields.emplace_back("full", detail.full ? "yes" : "no");
  add("dead_letters", static_cast<std::uint64_t>(detail.dead_letters));
  fields.emplace_back("queue_ready", detail.queue ? std::to_string(detail.queue->ready) : "");
  fields.emplace_back("queue_consumers", detail.queue ? std::to_string(detail.queue->consumers) : "");
  fields.emplace_back("consuming", activity.consuming ? "yes" : "no");
  add("workers_busy", activity.workers_busy);
  add("unacked", activity.unacked);
  add("waiting", activity.waiting);
  return fields;
}

ExitCode answer(Context& context, const client::Call<Tenant>& tenant) {
  if (!tenant) return context.failed(tenant.error());
  std::string json;
  wire::append_tenant(json, *tenant);
  context.print(fields_of(*tenant), json);
  return ExitCode::done;
}

ExitCode create(Context& context, const Options& options) {
  NewTenant request;
  request.name = options.tenant;
  request.workers = options.workers;
  request.ordered = options.ordered;
  for (const auto& [limit, value] : options.limits) request.limits[limit] = value;
  if (!options.idempotency_key.empty()) request.idempotency = IdempotencyKey{options.idempotency_key, {}};
  return answer(context, context.client().create_tenant(request));
}

ExitCode update(Context& context, const Options& options) {
  TenantUpdate change;
  change.workers = options.workers;
  change.limits = options.limits;
  if (!change.workers && change.limits.empty())
    return context.usage_error("nothing to change; give --workers or a limit, such as --publish-rate");
  return answer(context, context.client().update_tenant(options.tenant, change));
}

/// A paused tenant is active and stores nothing.
bool is_in_state(const Tenant& tenant, std::string_view state) {
  if (state == "paused") return tenant.paused && tenant.state == TenantState::active;
  return to_string(tenant.state) == state && !(tenant.paused && tenant.state == TenantState::active);
}

TenantQuery query_of(const Options& options) {
  TenantQuery query;
  query.name_prefix = options.name_prefix;
  if (options.state.empty()) return query;
  const bool paused = options.state == "paused";
  query.state = paused ? TenantState::active : tenant_state_from(options.state);
  if (query.state == TenantState::active) query.paused = paused;
  return query;
}

ExitCode list(Context& context, const Options& options) {
  auto tenants = context.client().tenants(query_of(options));
  if (!tenants) return context.failed(tenants.error());
  if (!options.state.empty())
    std::erase_if(*tenants, [&](const Tenant& tenant) { return !is_in_state(tenant, options.state); });
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
  if (tenants->empty() && options.state.empty() && options.name_prefix.empty())
    context.note("There are no tenants yet: 'mtmsgctl tenant create NAME' makes one.");
  return ExitCode::done;
}

ExitCode show(Context& context, const Options& options) {
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  std::string json;
  wire::append_tenant(json, *detail);
  context.print(fields_of(*detail, context.format() == Format::table), json);
  return ExitCode::done;
}

bool confirmed(Context& context, const wire::TenantDetail& detail, bool keep_messages) {
  auto& around = context.around();
  const auto kept = std::max<std::int64_t>(detail.messages - detail.oldest_seq + 1, 0);
  const auto waiting = detail.queue ? counted(detail.queue->ready, "message") : "an unknown number of messages";
  around.err.write("Tenant " + detail.tenant.name + " (" + detail.tenant.id.to_string() + ") has\n  " +
                   counted(detail.messages == 0 ? 0 : static_cast<std::uint64_t>(kept), "stored message") + ",\n  " +
                   waiting + " waiting in its queue,\n  " +
                   counted(static_cast<std::uint64_t>(detail.dead_letters), "dead letter") +
                   (keep_messages ? ".\nThe stored messages stay in a table of their own; all else will be deleted."
                                  : ".\nAll of it will be deleted.") +
                   " Go on? [y/N] ");
  around.err.flush();
  std::string answer;
  std::getline(around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

/// What people are told; the name of a kept table is data.
ExitCode report(Context& context, const Tenant& tenant, const client::Deleted& deleted, bool keep_messages) {
  if (deleted.outcome == client::Deletion::in_progress) {
    context.note("Tenant " + tenant.name +
                 " is being deleted; the daemon goes on as soon as nothing outside holds it up any more (RabbitMQ or "
                 "PostgreSQL away, or a long transaction on its messages)." +
                 (keep_messages ? " Its messages stay in a table of their own." : ""));
    return ExitCode::done;
  }
  context.note("Tenant " + tenant.name + " is deleted.");
  if (!deleted.kept_table) return ExitCode::done;
  std::string json;
  wire::append_kept_table(json, *deleted.kept_table);
  context.print(Fields{{"kept_table", *deleted.kept_table}}, json);
  return ExitCode::done;
}

ExitCode remove(Context& context, const Options& options) {
  if (!options.yes && !context.around().in_is_terminal)
    return context.usage_error("deleting a tenant asks first, and there is no terminal to ask on; say --yes");
  // Asked for and deleted by id: the name could be another tenant's by the time the answer is given.
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  if (!options.yes && !confirmed(context, *detail, options.deletion.keep_messages)) {
    context.note("Nothing was deleted.");
    return ExitCode::refused;
  }
  const auto deleted = context.client().delete_tenant(detail->tenant.id.to_string(), options.deletion);
  if (!deleted) return context.failed(deleted.error());
  return report(context, detail->tenant, *deleted, options.deletion.keep_messages);
}

void add_workers_option(CLI::App& verb, Options& options, std::string help) {
  verb.add_option("--workers", options.workers, std::move(help))->type_name("N")->check(whole_number(1, kMostWorkers));
}

void add_create(CLI::App& noun, Action& chosen, const std::shared_ptr<Options>& options) {
  auto& verb = add_verb(noun, "create", "Create a tenant; returns when it can take messages",
                        "mtmsgctl tenant create acme\n"
                        "mtmsgctl tenant create acme --workers 8\n"
                        "mtmsgctl tenant create acme --ordered\n"
                        "mtmsgctl tenant create acme --max-message-bytes 256KiB --retention-seconds 30d\n"
                        "mtmsgctl tenant create acme --idempotency-key \"order-4711\"");
  verb.add_option("NAME", options->tenant, "1 to 63 of a-z, 0-9 and -, no - at an end")->required();
  add_workers_option(verb, *options, "How many workers it gets; the daemon's default if left out");
  verb.add_flag("--ordered", options->ordered,
                "Store its messages in the order they were published: it has one worker, in one daemon at a time");
  add_limit_options(verb, options->limits, DefaultWord::refused);
  verb.add_option("--idempotency-key", options->idempotency_key,
                  "The same key again, with the same request, makes no second tenant: it shows the first")
      ->type_name("KEY")
      ->check([](const std::string& key) {
        const bool printable = std::ranges::all_of(key, [](char c) { return c >= ' ' && c <= '~'; });
        return printable && !key.empty() && key.size() <= 255 ? std::string()
                                                              : "a key is 1 to 255 printable ASCII characters";
      });
  on_chosen(verb, chosen, [options](Context& context) { return create(context, *options); });
}

void add_list(CLI::App& noun, Action& chosen, const std::shared_ptr<Options>& options) {
  auto& verb = add_verb(noun, "list", "List the tenants",
                        "mtmsgctl tenant list\nmtmsgctl tenant list --state paused\n"
                        "mtmsgctl tenant list --name-prefix eu-\nmtmsgctl -o csv tenant list");
  verb.add_option("--name-prefix", options->name_prefix, "Only those whose names begin so")->type_name("PREFIX");
  verb.add_option("--state", options->state, std::string("Only those in this state: ") + kStates)
      ->type_name("STATE")
      ->check([](const std::string& state) {
        return state == "paused" || tenant_state_from(state) ? std::string()
                                                             : "'" + state + "' is not one of " + kStates;
      });
  on_chosen(verb, chosen, [options](Context& context) { return list(context, *options); });
}

void add_update(CLI::App& noun, Action& chosen, const std::shared_ptr<Options>& options) {
  auto& verb = add_verb(noun, "update", "Change a tenant's workers and limits, effective at once",
                        "mtmsgctl tenant update acme --workers 8\n"
                        "mtmsgctl tenant update acme --publish-rate 500 --max-stored-bytes 20GiB\n"
                        "mtmsgctl tenant update acme --retention-seconds default");
  add_tenant_argument(verb, options->tenant);
  add_workers_option(verb, *options, "How many workers it has from now on");
  add_limit_options(verb, options->limits, DefaultWord::taken);
  on_chosen(verb, chosen, [options](Context& context) { return update(context, *options); });
}

void add_pause_and_resume(CLI::App& noun, Action& chosen, const std::shared_ptr<Options>& options) {
  auto& pause = add_verb(noun, "pause", "Let a tenant's messages wait in its queue",
                         "mtmsgctl tenant pause acme\nmtmsgctl -o json tenant pause acme");
  add_tenant_argument(pause, options->tenant);
  on_chosen(pause, chosen,
            [options](Context& context) { return answer(context, context.client().pause_tenant(options->tenant)); });
  auto& resume = add_verb(noun, "resume", "Store the messages of a paused tenant again",
                          "mtmsgctl tenant resume acme\nmtmsgctl -o json tenant resume acme");
  add_tenant_argument(resume, options->tenant);
  on_chosen(resume, chosen,
            [options](Context& context) { return answer(context, context.client().resume_tenant(options->tenant)); });
}

void add_delete(CLI::App& noun, Action& chosen, const std::shared_ptr<Options>& options) {
  auto& verb = add_verb(noun, "delete", "Delete a tenant with its queue and all its messages",
                        "mtmsgctl tenant delete acme\n"
                        "mtmsgctl tenant delete acme --yes\n"
                        "mtmsgctl tenant delete acme --if-empty --yes\n"
                        "mtmsgctl tenant delete acme --keep-messages");
  add_tenant_argument(verb, options->tenant);
  verb.add_flag("--if-empty", options->deletion.if_empty, "Only if no message is stored or waits in its queue");
  verb.add_flag("--keep-messages", options->deletion.keep_messages,
                "Leave the stored messages in PostgreSQL, in a table of their own whose name is printed");
  verb.add_flag("-y,--yes", options->yes, "Don't ask");
  on_chosen(verb, chosen, [options](Context& context) { return remove(context, *options); });
}

}  // namespace

void add_tenant(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  add_create(noun, chosen, options);
  add_list(noun, chosen, options);
  auto& show_verb = add_verb(noun, "show", "Show one tenant: its settings, limits, counts and what moves at the moment",
                             "mtmsgctl tenant show acme\nmtmsgctl -o json tenant show acme");
  add_tenant_argument(show_verb, options->tenant);
  on_chosen(show_verb, chosen, [options](Context& context) { return show(context, *options); });
  add_update(noun, chosen, options);
  add_pause_and_resume(noun, chosen, options);
  add_delete(noun, chosen, options);
  add_tenant_credentials(noun, chosen);
  add_tenant_orphans(noun, chosen);
}

}  // namespace mtmsg::ctl
