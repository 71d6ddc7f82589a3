#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "cmd/export/interruption.hpp"
#include "cmd/moment.hpp"
#include "cmd/service.hpp"
#include "cmd/systemd/log_text.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

using systemd::JournalEntry;

constexpr std::size_t kDefaultLines = 50;
constexpr std::uint64_t kMostLines = 1'000'000'000;
/// Ctrl-C is seen this soon.
constexpr std::chrono::milliseconds kLook{200};

struct Options {
  systemd::JournalQuery query;
  bool follow = false;
};

/// Prints entries one by one: there may be any number, and with --follow there is no end.
class Printer {
 public:
  explicit Printer(Context& context) : context_(context) {
    if (context.format() == Format::csv) write(systemd::log_csv_head());
    if (context.format() == Format::json) write("[");
  }

  void print(const JournalEntry& entry) {
    switch (context_.format()) {
      case Format::table:
        write(systemd::log_line(entry));
        break;
      case Format::csv:
        write(systemd::log_csv(entry));
        break;
      case Format::ndjson:
        write(systemd::log_json(entry) + "\n");
        break;
      case Format::json:
        write((printed_ > 0 ? "," : "") + systemd::log_json(entry));
        break;
    }
    ++printed_;
  }
  void end() {
    if (context_.format() == Format::json) write("]\n");
    flush();
  }
  void flush() { context_.around().out.flush(); }
  std::size_t printed() const noexcept { return printed_; }

 private:
  void write(std::string_view text) { context_.around().out.write(text); }

  Context& context_;
  std::size_t printed_ = 0;
};

ExitCode failed(Context& context, const Error& error) {
  context.complain(error.message);
  return ExitCode::unreachable;
}

ExitCode follow(Context& context, systemd::Journal& journal, Printer& printer) {
  const Interruption interruption([] {});
  while (!interruption.requested()) {
    auto entry = journal.next();
    if (entry.has_error()) return failed(context, entry.error());
    if (*entry) {
      printer.print(**entry);
      continue;
    }
    printer.flush();
    if (auto waited = journal.wait(kLook); waited.has_error()) return failed(context, waited.error());
  }
  printer.end();
  return ExitCode::done;
}

void note_if_nothing(Context& context, const Options& options, const Printer& printer) {
  if (!systemd::may_read_journal())
    context.note("You may not read the system's journal: join the group systemd-journal, or use sudo.");
  else if (printer.printed() == 0)
    context.note("The journal has nothing of " + options.query.unit + " that fits.");
}

ExitCode logs(Context& context, const Options& options) {
  if (options.follow && context.format() == Format::json)
    return context.usage_error("one JSON document has an end, and --follow has none; take -o ndjson");
  if (options.follow && options.query.until) return context.usage_error("--follow has no end, so it takes no --until");
  if (const auto refused = refuse_without_systemd(context)) return *refused;
  auto query = options.query;
  if (!query.lines && !query.since) query.lines = kDefaultLines;
  auto journal = systemd::Journal::open(query);
  if (journal.has_error()) return failed(context, journal.error());
  Printer printer(context);
  for (;;) {
    auto entry = journal->next();
    if (entry.has_error()) return failed(context, entry.error());
    if (!*entry) break;
    printer.print(**entry);
  }
  printer.flush();
  note_if_nothing(context, options, printer);
  if (options.follow) return follow(context, *journal, printer);
  printer.end();
  return ExitCode::done;
}

}  // namespace

void add_service_logs(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  options->query.unit = kDefaultUnit;
  auto& verb = add_verb(noun, "logs", "Show what the daemon wrote to the journal, and what systemd wrote about it",
                        "mtmsgctl service logs\n"
                        "mtmsgctl service logs --follow\n"
                        "mtmsgctl service logs --since 1h --level warning\n"
                        "mtmsgctl service logs --lines 1000 -o ndjson");
  add_unit_option(verb, options->query.unit);
  verb.add_option_function<std::size_t>(
          "-n,--lines", [options](std::size_t lines) { options->query.lines = lines; },
          "The last so many; without it 50, or with --since all")
      ->type_name("N")
      ->check(whole_number(0, kMostLines));
  add_moment(verb, "--since", options->query.since,
             "Only what was written at this time or later: RFC 3339, or 1h, 7d ago");
  add_moment(verb, "--until", options->query.until, "Only what was written before this time");
  verb.add_option_function<std::string>(
          "--level",
          [options](const std::string& name) { options->query.least_priority = *systemd::priority_of(name); },
          "Only this and graver: error, warning, info or debug")
      ->type_name("LEVEL")
      ->check([](const std::string& name) {
        return systemd::priority_of(name) ? std::string() : "'" + name + "' is not one of error, warning, info, debug";
      });
  verb.add_flag("-f,--follow", options->follow, "Go on as it writes, until SIGINT or SIGTERM");
  on_chosen(verb, chosen, [options](Context& context) { return logs(context, *options); });
}

}  // namespace mtmsg::ctl
