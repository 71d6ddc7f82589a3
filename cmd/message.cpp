#include "wire/message.hpp"

#include <map>
#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "cmd/message_tail.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

struct Options {
  std::string tenant;
  std::string id;
  client::MessageQuery query;
};

/// Names for a listing over all tenants; where they can't be had, the ids are shown.
std::map<TenantId, std::string> tenant_names(Context& context) {
  std::map<TenantId, std::string> names;
  const auto tenants = context.client().tenants();
  if (tenants)
    for (const auto& tenant : *tenants) names.emplace(tenant.id, tenant.name);
  return names;
}

/// The rows as columns. False when a row is no message; `error` says why.
Result<void> add_rows(Context& context, const client::FetchedPage& fetched, bool all_tenants, Table& table) {
  const bool csv = context.format() == Format::csv;
  const auto names = all_tenants ? tenant_names(context) : std::map<TenantId, std::string>();
  table.columns = {{"seq", Kind::number}, {"id"}, {"created_at", Kind::time}, {"payload", Kind::flexible}};
  if (all_tenants) table.columns.insert(table.columns.begin(), {"tenant"});
  if (csv) table.columns.insert(table.columns.end(), {{"headers"}, {"published_at"}, {"tenant_id"}});
  for (const auto row : fetched.page.rows) {
    const auto message = wire::read_message(row);
    if (!message) return message.error();
    auto& cells = table.rows.emplace_back();
    if (all_tenants) {
      const auto name = names.find(message->tenant);
      cells.push_back(name == names.end() ? message->tenant.to_string() : name->second);
    }
    const bool erased_for_people = message->erased_at && !csv;
    cells.insert(cells.end(),
                 {std::to_string(message->seq.value), message->id.to_string(), format_timestamp(message->created_at),
                  erased_for_people ? "(erased)" : message->payload});
    if (csv)
      cells.insert(cells.end(),
                   {message->headers, message->published_at ? format_timestamp(*message->published_at) : "",
                    message->tenant.to_string()});
  }
  return {};
}

ExitCode list(Context& context, const Options& options) {
  const bool all_tenants = options.tenant.empty();
  const auto fetched = context.client().messages(
      all_tenants ? std::nullopt : std::optional<std::string_view>(options.tenant), options.query);
  if (!fetched) return context.failed(fetched.error());
  Listing listing;
  for (const auto row : fetched->page.rows) listing.json.emplace_back(row);
  listing.document = fetched->text;
  if (context.format() == Format::table || context.format() == Format::csv)
    if (const auto added = add_rows(context, *fetched, all_tenants, listing.table); !added)
      return context.failed({client::CallError::Cause::answer, added.error()});
  context.print(listing);
  const auto& tail = fetched->page.tail;
  if (tail.truncated) context.note("Messages after this cursor were removed by retention before this page.");
  if (context.format() != Format::json)
    context.note("next cursor: " + tail.next_cursor + (tail.has_more ? "" : " (no more at the moment)"));
  return ExitCode::done;
}

ExitCode get(Context& context, const Options& options) {
  const auto text = context.client().message(options.tenant, options.id);
  if (!text) return context.failed(text.error());
  const auto message = wire::read_message(*text);
  if (!message) return context.failed({client::CallError::Cause::answer, message.error()});
  Fields fields{{"seq", std::to_string(message->seq.value)},
                {"id", message->id.to_string()},
                {"tenant_id", message->tenant.to_string()},
                {"published_at", message->published_at ? format_timestamp(*message->published_at) : ""},
                {"created_at", format_timestamp(message->created_at)},
                {"headers", message->headers},
                {"payload", message->payload}};
  if (message->erased_at) fields.emplace_back("erased_at", format_timestamp(*message->erased_at));
  context.print(fields, *text);
  return ExitCode::done;
}

}  // namespace

void add_message(CLI::App& noun, Action& chosen) {
  add_message_publish(noun, chosen);

  const auto options = std::make_shared<Options>();
  auto& list_verb = add_verb(noun, "list", "Show one page of messages, of a tenant or of all",
                             "mtmsgctl message list --tenant acme\n"
                             "mtmsgctl message list acme --cursor 123 --limit 50\n"
                             "mtmsgctl message list acme --cursor 123 --wait 60\n"
                             "mtmsgctl message list acme --since 2026-01-31T00:00:00Z -o json");
  list_verb.add_option("TENANT,--tenant", options->tenant, "The tenant's name or id; all tenants if left out")
      ->type_name("TENANT");
  list_verb
      .add_option("--cursor", options->query.cursor, "Begin after this place: the 'next cursor' of an earlier page")
      ->type_name("CURSOR");
  list_verb.add_option("--limit", options->query.limit, "Rows, 1 to 1000; the server's default is 100")
      ->type_name("N")
      ->check(whole_number(1, kMaxPageRows));
  list_verb.add_option("--since", options->query.since, "Only what was stored at this time or later (RFC 3339)")
      ->type_name("TIME");
  list_verb.add_option("--until", options->query.until, "Only what was stored before this time")->type_name("TIME");
  list_verb
      .add_option("--wait", options->query.wait,
                  "When there is no message behind the cursor, wait up to so long for one, 1 to 60; of one tenant")
      ->type_name("SECONDS")
      ->check(whole_number(1, kLongestWaitSeconds));
  on_chosen(list_verb, chosen, [options](Context& context) { return list(context, *options); });

  auto& get_verb =
      add_verb(noun, "get", "Show one message", "mtmsgctl message get acme 0190d3c4-5a6b-7c8d-9e0f-112233445566");
  add_tenant_argument(get_verb, options->tenant);
  get_verb.add_option("ID", options->id, "The message's id")->required();
  on_chosen(get_verb, chosen, [options](Context& context) { return get(context, *options); });

  add_message_tail(noun, chosen);
  add_message_dump(noun, chosen);
  add_message_erase(noun, chosen);
}

}  // namespace mtmsg::ctl
