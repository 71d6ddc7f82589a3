#include "wire/status.hpp"

#include "cmd/command.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

Fields summary(const wire::Status& status, const client::Endpoint& endpoint, bool for_people) {
  const auto count = [&](std::uint64_t number) { return for_people ? with_commas(number) : std::to_string(number); };
  const auto& moving = status.pipeline;
  Fields fields{
      {"server", "mtmsgd " + status.version + " at " + endpoint.to_string()},
      {"up_for", duration_text(static_cast<std::uint64_t>(status.uptime.count()))},
      {"ready", status.readiness.ready ? "yes" : "no"},
      {"tenants", count(status.tenants)},
      {"stored", count(moving.stored)},
      {"duplicates", count(moving.duplicates)},
      {"dead_letters", count(moving.dead_letters)},
      {"without_id", count(moving.without_id)},
      {"acked", count(moving.acked)},
      {"unacked", count(moving.unacked)},
      {"in_flight_bytes", count(moving.in_flight_bytes)},
      {"writers", std::to_string(status.writers.busy) + " of " + std::to_string(status.writers.total) + " busy"}};
  if (status.writers.database_away) fields.emplace_back("database", "away: " + status.writers.database_error);
  return fields;
}

Table parts_table(const wire::Status& status) {
  Table table{{{"part"}, {"ok"}, {"reason", Kind::flexible}}, {}};
  for (const auto& part : status.readiness.parts)
    table.rows.push_back({part.name, part.ok ? "yes" : "no", part.reason});
  return table;
}

Table links_table(const wire::Status& status) {
  Table table{{{"link"}, {"state"}, {"since", Kind::time}, {"last_error", Kind::flexible}}, {}};
  for (const auto& link : status.links) {
    const auto* state = !link.connected ? "disconnected" : link.blocked ? "blocked" : "connected";
    table.rows.push_back({link.name, state, format_timestamp(link.since), link.last_error});
  }
  return table;
}

Table daemons_table(const wire::Status& status) {
  Table table{{{"daemon", Kind::flexible},
               {"pid", Kind::number},
               {"version"},
               {"state"},
               {"started_at", Kind::time},
               {"beat_at", Kind::time},
               {"id", Kind::flexible}},
              {}};
  for (const auto& daemon : status.daemons.value_or(std::vector<wire::DaemonInfo>{}))
    table.rows.push_back({daemon.host, std::to_string(daemon.pid), daemon.version,
                          std::string(daemon.silent ? "silent" : "alive") + (daemon.self ? ", this one" : ""),
                          format_timestamp(daemon.started_at), format_timestamp(daemon.beat_at), daemon.id});
  return table;
}

ExitCode show_status(Context& context) {
  const auto status = context.client().status();
  if (!status) return context.failed(status.error());
  std::string json;
  wire::append_status(json, *status);
  const auto fields = summary(*status, context.client().endpoint(), context.format() == Format::table);
  if (context.format() != Format::table) {
    context.print(fields, json);
    return ExitCode::done;
  }
  std::string out;
  append_card(out, fields);
  const auto width = context.around().out_is_terminal ? std::optional(context.around().columns) : std::nullopt;
  for (const auto& table : {parts_table(*status), links_table(*status), daemons_table(*status)}) {
    if (table.rows.empty()) continue;
    out += '\n';
    append_table(out, table, width);
  }
  context.around().out.write(out);
  if (!status->daemons) context.note("Which daemons share the work is in the database, which does not answer.");
  return ExitCode::done;
}

}  // namespace

void add_status(CLI::App& noun, Action& chosen) {
  on_chosen(noun, chosen, show_status);
}

}  // namespace mtmsg::ctl
