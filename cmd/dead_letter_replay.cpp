#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "cmd/command.hpp"
#include "cmd/dead_letter_options.hpp"
#include "cmd/output/progress.hpp"
#include "core/backoff.hpp"
#include "wire/dead_letter.hpp"

namespace mtmsg::ctl {
namespace {

using Outcome = wire::ReplayLine::Outcome;

constexpr unsigned kDefaultRate = 200;
constexpr unsigned kHighestRate = 100'000;
/// Another replay, or somebody who holds the tenant's counter, is mostly done in a moment: so long is waited for a
/// step.
constexpr std::chrono::seconds kPatience{30};

struct Options : LetterOptions {
  bool dry_run = false;
  unsigned rate = kDefaultRate;
};

/// How many there are to try, for the progress bar; nullopt when nobody sees it, or it can't be asked.
std::optional<std::uint64_t> expected_letters(Context& context, const Options& options) {
  if (!context.around().err_is_terminal) return std::nullopt;
  if (!options.seqs.empty()) return options.numbers().size();
  if (options.selection.cursor.value > 0) return std::nullopt;
  auto open = options.selection;
  open.filter.replayed = false;
  const auto counted = context.client().purge_dead_letters(options.tenant, open, true);
  if (!counted || !counted->would_delete) return std::nullopt;
  return static_cast<std::uint64_t>(*counted->would_delete);
}

/// Step by step, each one request that is complete when it is answered: so the work can be broken off anywhere.
class Replay {
 public:
  Replay(Context& context, const Options& options)
      : context_(context),
        options_(options),
        numbers_(options.numbers()),
        cursor_(options.selection.cursor),
        progress_(context.around().err, context.around().err_is_terminal, "dead letters",
                  expected_letters(context, options)) {}

  ExitCode run() {
    for (bool more = true; more;) {
      const auto report = ask(next_step());
      if (!report) return stopped(report.error());
      take(*report);
      more = numbers_.empty() ? report->has_more : at_ < numbers_.size();
      if (more) keep_to_the_rate();
    }
    return finished();
  }

 private:
  /// What a quarter of a second may see, so that the work is even; never more than one request takes.
  std::size_t step() const { return std::clamp<std::size_t>(options_.rate / 4, 1, wire::kMaxReplayLetters); }

  wire::ReplayRequest next_step() {
    wire::ReplayRequest request;
    request.dry_run = options_.dry_run;
    if (numbers_.empty()) {
      request.selection = options_.selection;
      request.selection.cursor = cursor_;
      request.selection.limit = static_cast<unsigned>(step());
      return request;
    }
    const auto end = std::min(numbers_.size(), at_ + step());
    request.seqs.assign(numbers_.begin() + static_cast<std::ptrdiff_t>(at_),
                        numbers_.begin() + static_cast<std::ptrdiff_t>(end));
    at_ = end;
    return request;
  }

  client::Call<wire::ReplayReport> ask(const wire::ReplayRequest& request) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (Backoff backoff;;) {
      auto report = context_.client().replay(options_.tenant, request);
      if (report || report.error().cause != client::CallError::Cause::refused) return report;
      const auto code = report.error().error.code;
      const bool passes = code == ErrorCode::rate_limited || code == ErrorCode::timeout;
      if (!passes || std::chrono::steady_clock::now() > deadline) return report;
      std::this_thread::sleep_for(backoff.next(static_cast<std::uint32_t>(random_())));
    }
  }

  void take(const wire::ReplayReport& report) {
    cursor_ = report.next_cursor;
    total_.has_more = report.has_more;
    for (const auto& line : report.lines) {
      if (context_.format() == Format::ndjson) {
        std::string json;
        wire::append_replay_line(json, line);
        context_.print_line(json);
      }
      total_.add(line);
    }
    context_.around().out.flush();
    progress_.advance(report.lines.size());
  }

  void keep_to_the_rate() {
    if (options_.dry_run) return;
    const auto due = std::chrono::milliseconds(total_.lines.size() * 1000 / options_.rate);
    std::this_thread::sleep_until(begun_ + due);
  }

  /// People see what was refused, or what would be tried; who reads a format gets every result.
  Table table() const {
    const bool for_people = context_.format() == Format::table;
    Table table;
    table.columns = {{"seq", Kind::number}, {"id"}, {"result"}};
    const bool with_reasons = !for_people || !options_.dry_run;
    if (with_reasons) table.columns.insert(table.columns.end(), {{"reason"}, {"sqlstate"}, {"detail", Kind::flexible}});
    for (const auto& line : total_.lines) {
      const bool refused = line.outcome == Outcome::refused;
      if (for_people && !refused && line.outcome != Outcome::would_be_tried) continue;
      auto& row = table.rows.emplace_back(std::vector{std::to_string(line.seq.value),
                                                      line.id ? line.id->to_string() : std::string(),
                                                      std::string(wire::to_string(line.outcome))});
      if (!with_reasons) continue;
      row.insert(row.end(), {refused ? std::string(to_string(line.refusal.reason)) : std::string(),
                             line.refusal.sqlstate, line.refusal.detail});
    }
    return table;
  }

  /// What was done so far; ndjson is out already.
  void print_results() {
    progress_.clear();
    total_.next_cursor = cursor_;
    total_.dry_run = options_.dry_run;
    Listing listing;
    listing.table = table();
    wire::append_replay_report(listing.document, total_);
    if (context_.format() != Format::table || !listing.table.rows.empty()) context_.print(listing);
  }

  void sum_up() {
    if (options_.dry_run) {
      const auto skipped = static_cast<std::uint64_t>(total_.skipped);
      context_.note("would try " + counted(total_.lines.size() - skipped, "dead letter") + "; nothing was changed");
      return;
    }
    const auto number = [](std::int64_t value) { return with_commas(static_cast<std::uint64_t>(value)); };
    auto text = number(total_.stored) + " stored, " + number(total_.refused) + " refused";
    if (total_.skipped > 0) text += ", " + number(total_.skipped) + " skipped (replayed before, or not there)";
    context_.note(text);
  }

  ExitCode finished() {
    print_results();
    if (total_.lines.empty()) {
      context_.note("No dead letters match; nothing to try.");
      return ExitCode::done;
    }
    sum_up();
    const auto skipped_all = total_.skipped == static_cast<std::int64_t>(total_.lines.size());
    // A selection skips only what somebody else replayed meanwhile; numbers were asked for one by one.
    const bool by_number = !numbers_.empty();
    if (options_.dry_run || (skipped_all && !by_number))
      return skipped_all && by_number ? ExitCode::refused : ExitCode::done;
    if (total_.stored == 0) return ExitCode::refused;
    return total_.refused > 0 || (by_number && total_.skipped > 0) ? ExitCode::partly : ExitCode::done;
  }

  ExitCode stopped(const client::CallError& error) {
    if (!total_.lines.empty()) print_results();
    progress_.clear();
    const auto code = context_.failed(error);
    if (total_.lines.empty()) return code;
    sum_up();
    context_.note(numbers_.empty() ? "Go on with --cursor " + std::to_string(cursor_.value) + "."
                                   : "Run it again to go on: what is stored is not tried twice.");
    return total_.stored > 0 ? ExitCode::partly : code;
  }

  Context& context_;
  const Options& options_;
  const std::vector<Sequence> numbers_;  ///< empty: the selection
  std::size_t at_ = 0;                   ///< of numbers_: the first not sent yet
  Sequence cursor_;
  Progress progress_;
  wire::ReplayReport total_;
  std::minstd_rand random_{std::random_device{}()};
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

ExitCode replay(Context& context, const Options& options) {
  if (const auto wrong = wrong_choice(options); !wrong.empty()) return context.usage_error(wrong);
  return Replay(context, options).run();
}

}  // namespace

void add_dead_letter_replay(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "replay", "Try dead letters again: those that can be stored become messages",
                        "mtmsgctl dead-letter replay acme 12 15\n"
                        "mtmsgctl dead-letter replay acme --reason delivery_limit\n"
                        "mtmsgctl dead-letter replay acme --all --dry-run\n"
                        "mtmsgctl dead-letter replay acme --all --rate 50 -o ndjson > results.ndjson");
  add_tenant_argument(verb, options->tenant);
  add_letter_choice(verb, *options);
  add_letter_filter(verb, options->selection);
  add_letter_cursor(verb, options->selection);
  verb.add_flag("--dry-run", options->dry_run, "Only say which would be tried");
  verb.add_option("--rate", options->rate, "At most this many a second")
      ->type_name("N")
      ->check(whole_number(1, kHighestRate))
      ->capture_default_str();
  on_chosen(verb, chosen, [options](Context& context) { return replay(context, *options); });
}

}  // namespace mtmsg::ctl
