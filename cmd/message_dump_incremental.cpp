#include <charconv>
#include <filesystem>

#include "cmd/export/incremental.hpp"
#include "cmd/export/interruption.hpp"
#include "cmd/message_dump.hpp"
#include "cmd/output/progress.hpp"

namespace mtmsg::ctl {
namespace {

using Why = Incremental::Refused::Why;

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size() && number >= 0 ? std::optional(number) : std::nullopt;
}

/// Two ways to the same file are one cursor, and one lock.
std::string canonical(const std::string& path) {
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path : real.string();
}

class Run {
 public:
  Run(Context& context, const DumpOptions& options)
      : context_(context),
        options_(options),
        progress_(context.around().err, context.around().err_is_terminal, "messages", std::nullopt),
        interruption_([this] { context_.client().interrupt(); }) {}

  ExitCode run(Incremental::Plan plan) {
    const auto source = daemon_source(context_.client());
    Incremental incremental(*source, *files_, std::move(plan), listener());
    const auto outcome = incremental.run();
    progress_.clear();
    if (const auto* error = std::get_if<client::CallError>(&outcome)) return context_.failed(*error);
    if (const auto* refused = std::get_if<Incremental::Refused>(&outcome)) return report(*refused);
    return report(std::get<Incremental::Done>(outcome));
  }

 private:
  Incremental::Listener listener() {
    return {[this](const Sealed& output) {
              say("completed what an earlier run left: " + counted(output.messages, "message") + " in " +
                  output.final_name + "; " + checksum_text(output.sha256, output.bytes));
              if (files_->look(output.final_name) == Files::Kind::none)
                say("That file is not there any more; somebody has taken it.");
              summary_.completed.push_back(output);
            },
            [this](const Gap& gap) {
              progress_.clear();
              report_gap(context_, gap);
              summary_.gaps.push_back(gap);
            },
            [this](const Position& gone) {
              say("tenant " + gone.name + " (" + gone.tenant.to_string() +
                  ") was deleted; it was exported up to number " + std::to_string(gone.after));
            },
            [this] { progress_.advance(1); }, [this] { return interruption_.requested(); }};
  }

  void say(const std::string& text) {
    progress_.clear();
    context_.note(text);
  }

  ExitCode report(const Incremental::Refused& refused) {
    context_.complain(refused.text);
    switch (refused.why) {
      case Why::usage:
        return ExitCode::usage;
      case Why::busy:
        context_.note("It goes on where that one ends: just run it again later.");
        return ExitCode::busy;
      case Why::history:
        if (refused.text.find("epoch") != std::string::npos)
          context_.note(
              "Nothing was exported. When you know what that means for those who read the files: "
              "--accept-epoch EPOCH goes on after the same numbers, with --cursor N after N.");
        return ExitCode::history;
      case Why::interrupted:
        return static_cast<ExitCode>(128 + interruption_.signal());
      case Why::taken:
      case Why::unreadable:
        return ExitCode::refused;
    }
    return ExitCode::refused;
  }

  ExitCode report(const Incremental::Done& done) {
    summary_.epoch = done.epoch;
    if (!options_.all_tenants) summary_.next_cursor = std::to_string(done.positions.front().after);
    if (done.output) {
      summary_.messages = done.output->messages;
      summary_.bytes = done.output->bytes;
      summary_.sha256 = done.output->sha256;
      summary_.output = done.output->final_name;
    }
    write_summary(*files_, options_, summary_);
    if (!done.output) {
      context_.note("no new messages");
    } else {
      context_.note("dumped " + counted(done.output->messages, "message") + " to " + done.output->final_name);
      context_.note(checksum_text(done.output->sha256, done.output->bytes));
    }
    return done.gaps ? ExitCode::history : ExitCode::done;
  }

  Context& context_;
  const DumpOptions& options_;
  std::unique_ptr<Files> files_ = system_files();
  Progress progress_;
  Interruption interruption_;
  Summary summary_;
};

}  // namespace

ExitCode dump_incremental(Context& context, const DumpOptions& options, Encoding encoding) {
  auto name = OutputName::parse(options.output);
  if (!name) return context.usage_error(name.error().message);
  std::error_code ignored;
  const auto status = std::filesystem::status(options.output, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return context.usage_error(options.output + " is no file: with --cursor-file, what is written must last");
  Incremental::Plan plan{canonical(options.cursor_file), std::move(*name), encoding, options.tenant};
  if (!options.query.cursor.empty()) {
    plan.cursor = parse_number(options.query.cursor);
    if (!plan.cursor) return context.usage_error("--cursor is a number when there is a --cursor-file");
  }
  plan.since = options.query.since;
  plan.until = options.query.until;
  plan.accepted_epoch = options.accepted_epoch;
  plan.time = now();
  return Run(context, options).run(std::move(plan));
}

}  // namespace mtmsg::ctl
