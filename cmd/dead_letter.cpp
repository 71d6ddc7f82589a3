#include "wire/dead_letter.hpp"

#include <memory>
#include <string>

#include "cmd/command.hpp"
#include "cmd/dead_letter_options.hpp"
#include "core/base64.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

// More of a body than this says nothing new on a screen; --body writes all of it.
constexpr std::size_t kShownBodyBytes = 4096;

struct Options : LetterOptions {
  std::int64_t seq = 0;
  bool body_only = false;
};

std::string time_text(std::optional<Timestamp> time) {
  return time ? format_timestamp(*time) : std::string();
}

Fields fields_of(const DeadLetter& letter) {
  return {{"seq", std::to_string(letter.seq.value)},
          {"id", letter.id.to_string()},
          {"tenant_id", letter.tenant.to_string()},
          {"reason", std::string(to_string(letter.refusal.reason))},
          {"detail", letter.refusal.detail},
          {"sqlstate", letter.refusal.sqlstate},
          {"deliveries", std::to_string(letter.deliveries)},
          {"tries", std::to_string(letter.tries)},
          {"published_at", time_text(letter.published_at)},
          {"failed_at", format_timestamp(letter.failed_at)},
          {"tried_at", time_text(letter.tried_at)},
          {"replayed_at", time_text(letter.replayed_at)},
          {"exchange", letter.exchange},
          {"routing_key", letter.routing_key},
          {"headers", letter.headers},
          {"body_bytes", std::to_string(letter.body_bytes)}};
}

void add_row_for_people(Table& table, const DeadLetter& letter) {
  table.columns = {{"seq", Kind::number},
                   {"reason"},
                   {"detail", Kind::flexible},
                   {"deliveries", Kind::number},
                   {"failed_at", Kind::time},
                   {"id"},
                   {"replayed"}};
  table.rows.push_back({std::to_string(letter.seq.value), std::string(to_string(letter.refusal.reason)),
                        letter.refusal.detail, std::to_string(letter.deliveries), format_timestamp(letter.failed_at),
                        letter.id.to_string(), letter.replayed_at ? "yes" : "no"});
}

/// CSV has every field.
void add_row_in_full(Table& table, const DeadLetter& letter) {
  table.columns.clear();
  auto& cells = table.rows.emplace_back();
  for (auto& [key, value] : fields_of(letter)) {
    table.columns.push_back({key});
    cells.push_back(std::move(value));
  }
}

ExitCode list(Context& context, const Options& options) {
  const auto fetched = context.client().dead_letters(options.tenant, options.selection);
  if (!fetched) return context.failed(fetched.error());
  Listing listing;
  listing.document = fetched->text;
  for (const auto row : fetched->page.rows) {
    listing.json.emplace_back(row);
    const auto letter = wire::read_dead_letter(row);
    if (!letter) return context.failed({client::CallError::Cause::answer, letter.error()});
    if (context.format() == Format::csv)
      add_row_in_full(listing.table, *letter);
    else
      add_row_for_people(listing.table, *letter);
  }
  context.print(listing);
  const auto& tail = fetched->page.tail;
  if (fetched->page.rows.empty() && context.format() == Format::table) {
    context.note("No dead letters match.");
  } else if (context.format() != Format::json) {
    context.note("next cursor: " + tail.next_cursor + (tail.has_more ? "" : " (no more at the moment)"));
  }
  return ExitCode::done;
}

/// May it be written to a terminal? Lines of UTF-8 without control characters, those of Unicode's second block
/// included.
bool is_showable(std::string_view body) {
  for (std::size_t at = 0; at < body.size(); ++at) {
    const auto byte = static_cast<unsigned char>(body[at]);
    const auto next = at + 1 < body.size() ? static_cast<unsigned char>(body[at + 1]) : 0U;
    const bool line_end = byte == '\n' || (byte == '\r' && next == '\n');
    if (byte == 0x7F || (byte < 0x20 && byte != '\t' && !line_end) || (byte == 0xC2 && next < 0xA0)) return false;
  }
  return wire::is_utf8(body);
}

void show_body(Context& context, const DeadLetter& letter) {
  std::string_view body = letter.body;
  if (body.empty()) return;
  if (!is_showable(body)) {
    context.note("The body is no plain text; --body writes it as it is.");
    return;
  }
  if (body.size() > kShownBodyBytes) {
    auto end = kShownBodyBytes;
    while ((static_cast<unsigned char>(body[end]) & 0xC0U) == 0x80U) --end;
    body = body.substr(0, end);
  }
  context.print_line("");
  context.print_line(body);
  if (body.size() < letter.body.size())
    context.note("These are the first " + counted(body.size(), "byte") + " of the body; --body writes all of it.");
}

ExitCode show(Context& context, const Options& options) {
  if (options.body_only && context.format_given())
    return context.usage_error("--body writes the body as it is; leave -o away");
  const auto text = context.client().dead_letter(options.tenant, Sequence{options.seq});
  if (!text) return context.failed(text.error());
  const auto letter = wire::read_dead_letter(*text);
  if (!letter) return context.failed({client::CallError::Cause::answer, letter.error()});
  if (options.body_only) {
    context.around().out.write(letter->body);
    return ExitCode::done;
  }
  auto fields = fields_of(*letter);
  if (context.format() == Format::csv) {
    const bool text_body = wire::is_utf8(letter->body);
    auto& value = fields.emplace_back(text_body ? "body" : "body_base64", std::string()).second;
    if (text_body)
      value = letter->body;
    else
      append_base64(value, letter->body);
  }
  context.print(fields, *text);
  if (context.format() == Format::table) show_body(context, *letter);
  return ExitCode::done;
}

}  // namespace

void add_dead_letter(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& list_verb = add_verb(noun, "list", "Show a page of a tenant's dead letters: what failed, and why",
                             "mtmsgctl dead-letter list acme\n"
                             "mtmsgctl dead-letter list acme --reason invalid_json --not-replayed\n"
                             "mtmsgctl dead-letter list acme --since 2026-01-31T00:00:00Z -o csv");
  add_tenant_argument(list_verb, options->tenant);
  add_letter_filter(list_verb, options->selection);
  add_replayed_filter(list_verb, options->selection);
  add_letter_cursor(list_verb, options->selection);
  list_verb.add_option("--limit", options->selection.limit, "Rows, 1 to 1000; the server's default is 100")
      ->type_name("N")
      ->check(whole_number(1, kMaxPageRows));
  on_chosen(list_verb, chosen, [options](Context& context) { return list(context, *options); });

  auto& show_verb = add_verb(noun, "show", "Show one dead letter with its body",
                             "mtmsgctl dead-letter show acme 12\n"
                             "mtmsgctl dead-letter show acme 12 --body > body.json");
  add_tenant_argument(show_verb, options->tenant);
  show_verb.add_option("SEQ", options->seq, "Its number, as 'list' shows it")
      ->required()
      ->check(whole_number(1, std::numeric_limits<std::int64_t>::max()));
  show_verb.add_flag("--body", options->body_only, "Write the body, byte for byte, and nothing else");
  on_chosen(show_verb, chosen, [options](Context& context) { return show(context, *options); });

  add_dead_letter_replay(noun, chosen);
  add_dead_letter_purge(noun, chosen);
}

}  // namespace mtmsg::ctl
