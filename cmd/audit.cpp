#include "wire/audit.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "cmd/command.hpp"
#include "cmd/moment.hpp"

namespace mtmsg::ctl {
namespace {

// So much room beside the other columns is worth a further one.
constexpr unsigned kWideTerminal = 110;

struct Options {
  AuditQuery query;
  bool from_oldest = false;
};

Fields fields_of(const AuditEntry& entry) {
  return {{"seq", std::to_string(entry.seq.value)},
          {"at", format_timestamp(entry.at)},
          {"subject", entry.subject},
          {"role", entry.role},
          {"action", entry.action},
          {"method", entry.method},
          {"route", entry.route},
          {"tenant_id", entry.tenant ? entry.tenant->to_string() : ""},
          {"tenant_name", entry.tenant_name},
          {"detail", entry.detail},
          {"status", std::to_string(entry.status)},
          {"code", entry.code},
          {"request_id", entry.request_id},
          {"peer", entry.peer},
          {"uid", entry.uid ? std::to_string(*entry.uid) : ""},
          {"pid", entry.pid ? std::to_string(*entry.pid) : ""}};
}

void add_row_for_people(Table& table, const AuditEntry& entry, bool wide) {
  table.columns = {{"at", Kind::time}, {"subject", Kind::flexible}, {"action"}, {"tenant", Kind::flexible}, {"status"}};
  table.rows.push_back(
      {format_timestamp(entry.at), entry.subject, entry.action, entry.tenant_name, std::to_string(entry.status)});
  if (!wide) return;
  table.columns.push_back({"detail", Kind::flexible});
  table.rows.back().push_back(entry.detail == "{}" ? "" : entry.detail);
}

/// CSV has every field.
void add_row_in_full(Table& table, const AuditEntry& entry) {
  table.columns.clear();
  auto& cells = table.rows.emplace_back();
  for (auto& [key, value] : fields_of(entry)) {
    table.columns.push_back({key});
    cells.push_back(std::move(value));
  }
}

ExitCode show(Context& context, Options& options) {
  options.query.order = options.from_oldest ? AuditOrder::oldest_first : AuditOrder::newest_first;
  const auto fetched = context.client().audit(options.query);
  if (!fetched) return context.failed(fetched.error());
  auto rows = fetched->page.rows;
  // The last line is what happened last, as in any log.
  if (!options.from_oldest) std::ranges::reverse(rows);
  const bool wide = !context.around().out_is_terminal || context.around().columns >= kWideTerminal;
  Listing listing;
  listing.document = fetched->text;
  for (const auto row : rows) {
    listing.json.emplace_back(row);
    const auto entry = wire::read_audit_entry(row);
    if (!entry) return context.failed({client::CallError::Cause::answer, entry.error()});
    if (context.format() == Format::csv)
      add_row_in_full(listing.table, *entry);
    else
      add_row_for_people(listing.table, *entry, wide);
  }
  context.print(listing);
  const auto& tail = fetched->page.tail;
  if (rows.empty() && context.format() == Format::table)
    context.note("Nothing in the audit log matches.");
  else if (tail.has_more && context.format() != Format::json)
    context.note(
        (options.from_oldest ? "There are later ones; next cursor: " : "There are earlier ones; next cursor: ") +
        tail.next_cursor);
  return ExitCode::done;
}

}  // namespace

void add_audit(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  add_moment(noun, "--since", options->query.since,
             "Only what happened at this time or later: RFC 3339, or 1h, 7d ago");
  add_moment(noun, "--until", options->query.until, "Only what happened before this time");
  noun.add_option("--tenant", options->query.tenant, "Only what was done to this tenant: a name or an id")
      ->type_name("TENANT");
  noun.add_option("--subject", options->query.subject, "Only what this one did: a token's subject, or unix:uid=0")
      ->type_name("SUBJECT");
  noun.add_option("--action", options->query.action, "Only this, such as tenant.delete, or tenant for all of its kind")
      ->type_name("ACTION");
  noun.add_option("--limit", options->query.limit, "Entries, 1 to 1000; 100 if not given")
      ->type_name("N")
      ->check(whole_number(1, kMaxPageRows));
  noun.add_flag("--from-oldest", options->from_oldest, "Begin with the oldest ones instead of showing the newest");
  noun.add_option_function<std::int64_t>(
          "--cursor", [options](std::int64_t cursor) { options->query.cursor = Sequence{cursor}; },
          "Go on from here: the 'next cursor' of an earlier call")
      ->type_name("CURSOR")
      ->check(whole_number(0, std::numeric_limits<std::int64_t>::max()));
  on_chosen(noun, chosen, [options](Context& context) { return show(context, *options); });
}

}  // namespace mtmsg::ctl
