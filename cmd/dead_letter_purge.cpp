#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "cmd/command.hpp"
#include "cmd/dead_letter_options.hpp"
#include "cmd/output/progress.hpp"
#include "wire/dead_letter.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::int64_t kLettersPerRequest = 10'000;

struct Options : LetterOptions {
  bool dry_run = false;
  bool yes = false;
};

/// Says it in the format asked for; to people as a sentence.
ExitCode report(Context& context, const wire::Purged& purged) {
  const auto number = static_cast<std::uint64_t>(purged.would_delete.value_or(purged.deleted));
  if (context.format() == Format::table) {
    context.note((purged.would_delete ? "would delete " : "deleted ") + counted(number, "dead letter"));
    return ExitCode::done;
  }
  std::string json;
  wire::append_purged(json, purged);
  context.print(Fields{{purged.would_delete ? "would_delete" : "deleted", std::to_string(number)}}, json);
  return ExitCode::done;
}

/// How many of these numbers there are. A listing tells, without their bodies.
client::Call<std::int64_t> count_numbers(Context& context, const Options& options) {
  std::int64_t found = 0;
  for (const auto seq : options.numbers()) {
    wire::DeadLetterSelection just_this;
    just_this.cursor = Sequence{seq.value - 1};
    just_this.limit = 1;
    const auto page = context.client().dead_letters(options.tenant, just_this);
    if (!page) return page.error();
    // The cursor of a page is its last row's number.
    if (!page->page.rows.empty() && page->page.tail.next_cursor == std::to_string(seq.value)) ++found;
  }
  return found;
}

client::Call<std::int64_t> count(Context& context, const Options& options) {
  if (!options.seqs.empty()) return count_numbers(context, options);
  const auto counted = context.client().purge_dead_letters(options.tenant, options.selection, true);
  if (!counted) return counted.error();
  return counted->would_delete.value_or(0);
}

bool confirmed(Context& context, const std::string& tenant, std::int64_t letters) {
  auto& around = context.around();
  around.err.write(counted(static_cast<std::uint64_t>(letters), "dead letter") + " of tenant " + tenant +
                   " will be deleted, with what their senders published. Go on? [y/N] ");
  around.err.flush();
  std::string answer;
  std::getline(around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

ExitCode stopped(Context& context, const client::CallError& error, const wire::Purged& done) {
  const auto code = context.failed(error);
  if (done.deleted == 0) return code;
  report(context, done);
  return ExitCode::partly;
}

ExitCode purge_numbers(Context& context, const Options& options) {
  wire::Purged total;
  std::size_t missing = 0;
  for (const auto seq : options.numbers()) {
    const auto gone = context.client().delete_dead_letter(options.tenant, seq);
    if (gone) {
      ++total.deleted;
      continue;
    }
    if (gone.error().error.code != ErrorCode::not_found) return stopped(context, gone.error(), total);
    ++missing;
    context.complain(gone.error().error.message);
  }
  if (total.deleted == 0) return ExitCode::refused;
  report(context, total);
  return missing > 0 ? ExitCode::partly : ExitCode::done;
}

/// `agreed`: how many somebody said yes to. The lowest numbers go first, so it is those, and none that failed since.
ExitCode purge_selection(Context& context, const Options& options, std::optional<std::int64_t> agreed) {
  wire::Purged total;
  auto selection = options.selection;
  {
    Progress progress(context.around().err, context.around().err_is_terminal, "dead letters",
                      agreed ? std::optional<std::uint64_t>(*agreed) : std::nullopt);
    for (bool more = true; more;) {
      if (agreed) selection.limit = static_cast<unsigned>(std::min(*agreed - total.deleted, kLettersPerRequest));
      const auto step = context.client().purge_dead_letters(options.tenant, selection, false);
      if (!step) {
        progress.clear();
        return stopped(context, step.error(), total);
      }
      total.deleted += step->deleted;
      progress.advance(static_cast<std::uint64_t>(step->deleted));
      more = step->has_more && step->deleted > 0 && (!agreed || total.deleted < *agreed);
    }
  }
  return report(context, total);
}

ExitCode purge(Context& context, Options& options) {
  if (const auto wrong = wrong_choice(options); !wrong.empty()) return context.usage_error(wrong);
  if (!options.yes && !options.dry_run && !context.around().in_is_terminal)
    return context.usage_error("deleting dead letters asks first, and there is no terminal to ask on; say --yes");
  std::optional<std::int64_t> agreed;
  if (!options.yes || options.dry_run) {
    // Asked for and deleted by id: the name could be another tenant's by the time the answer is given.
    const auto detail = context.client().tenant(options.tenant);
    if (!detail) return context.failed(detail.error());
    options.tenant = detail->tenant.id.to_string();
    const auto letters = count(context, options);
    if (!letters) return context.failed(letters.error());
    if (options.dry_run) return report(context, {0, *letters, false});
    if (*letters == 0) {
      context.note("No dead letters match; nothing to delete.");
      return options.seqs.empty() ? ExitCode::done : ExitCode::refused;
    }
    if (!confirmed(context, detail->tenant.name, *letters)) {
      context.note("Nothing was deleted.");
      return ExitCode::refused;
    }
    agreed = *letters;
  }
  return options.seqs.empty() ? purge_selection(context, options, agreed) : purge_numbers(context, options);
}

}  // namespace

void add_dead_letter_purge(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "purge", "Delete dead letters for good",
                        "mtmsgctl dead-letter purge acme 12 15\n"
                        "mtmsgctl dead-letter purge acme --replayed --yes\n"
                        "mtmsgctl dead-letter purge acme --until 2026-01-01T00:00:00Z --dry-run");
  add_tenant_argument(verb, options->tenant);
  add_letter_choice(verb, *options);
  add_letter_filter(verb, options->selection);
  add_replayed_filter(verb, options->selection);
  verb.add_flag("--dry-run", options->dry_run, "Only say how many would be deleted");
  verb.add_flag("-y,--yes", options->yes, "Don't ask");
  on_chosen(verb, chosen, [options](Context& context) { return purge(context, *options); });
}

}  // namespace mtmsg::ctl
