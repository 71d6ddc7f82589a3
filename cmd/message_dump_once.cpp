#include <csignal>
#include <filesystem>

#include "cmd/export/interruption.hpp"
#include "cmd/export/output_name.hpp"
#include "cmd/message_dump.hpp"
#include "cmd/output/progress.hpp"

namespace mtmsg::ctl {
namespace {

/// Where the output goes. What is not kept leaves nothing behind.
class Target {
 public:
  virtual ~Target() = default;
  virtual Sink& sink() = 0;
  /// The output is complete. The name it has; empty for standard output.
  virtual std::string keep(const OutputName::Values& values) = 0;
};

class StandardOutput final : public Target {
 public:
  explicit StandardOutput(Sink& out) : out_(out) {}
  Sink& sink() override { return out_; }
  std::string keep(const OutputName::Values&) override { return {}; }

 private:
  Sink& out_;
};

/// A device or a pipe: nothing to rename there.
class Device final : public Target {
 public:
  Device(Files& files, const std::string& path) : path_(path), file_(files.open(path)) {}
  Sink& sink() override { return *file_; }
  std::string keep(const OutputName::Values&) override { return path_; }

 private:
  std::string path_;
  std::unique_ptr<OutputFile> file_;
};

class NewFile final : public Target {
 public:
  NewFile(Files& files, OutputName name)
      : files_(files),
        name_(std::move(name)),
        temporary_(temporary_name(name_.folder())),
        file_(files.create(temporary_)) {}
  ~NewFile() override {
    if (!kept_) std::filesystem::remove(temporary_, ignored_);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Sink& sink() override { return *file_; }
  std::string keep(const OutputName::Values& values) override {
    file_->sync();
    auto name = name_.with(values);
    files_.publish_over(temporary_, name);
    kept_ = true;
    return name;
  }

 private:
  Files& files_;
  OutputName name_;
  std::string temporary_;
  std::unique_ptr<OutputFile> file_;
  std::error_code ignored_;
  bool kept_ = false;
};

Result<std::unique_ptr<Target>> target_of(Context& context, Files& files, const DumpOptions& options) {
  const auto& output = options.output;
  if (!options.to_file()) return std::unique_ptr<Target>(std::make_unique<StandardOutput>(context.around().out));
  if (files.look(output) == Files::Kind::other) return std::unique_ptr<Target>(std::make_unique<Device>(files, output));
  // Through a link, it is what it points to that is replaced.
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(output, ignored);
  auto name = OutputName::parse(real.empty() || output.ends_with('/') ? output : real.string());
  if (!name) return name.error();
  return std::unique_ptr<Target>(std::make_unique<NewFile>(files, std::move(*name)));
}

class Dump {
 public:
  Dump(Context& context, const DumpOptions& options, Encoding encoding, Files& files, Target& target,
       const Interruption* interruption)
      : context_(context),
        options_(options),
        files_(files),
        target_(target),
        interruption_(interruption),
        output_(encoding, target.sink()),
        progress_(context.around().err, context.around().err_is_terminal, "messages",
                  expected_messages(context, options)) {}

  ExitCode run() {
    const auto source = daemon_source(context_.client());
    Walk walk(*source, {options_.asked(), options_.query, !options_.query.cursor.empty()}, listener());
    auto end = walk.run();
    progress_.clear();
    if (disorder_) return stopped(walk, {client::CallError::Cause::answer, *disorder_});
    if (!end) return stopped(walk, end.error());
    if (interrupted()) {
      context_.complain("interrupted; nothing was exported");
      return static_cast<ExitCode>(128 + interruption_->signal());
    }
    return finished(walk, end->tail);
  }

 private:
  Walk::Listener listener() {
    return {[this](std::string_view row, const RowHead&) {
              if (interrupted()) return false;
              if (auto added = output_.add(row); !added) disorder_ = added.error();
              progress_.advance(1);
              return !disorder_;
            },
            [this](const Gap& gap) {
              progress_.clear();
              report_gap(context_, gap);
              summary_.gaps.push_back(gap);
            },
            [this] { return interrupted(); }};
  }

  bool interrupted() const { return interruption_ != nullptr && interruption_->requested(); }

  ExitCode finished(const Walk& walk, const wire::PageTail& tail) {
    const auto total = output_.finish();
    summary_.messages = total.messages;
    summary_.bytes = total.bytes;
    summary_.sha256 = total.sha256;
    summary_.next_cursor = tail.next_cursor;
    summary_.epoch = tail.epoch;
    OutputName::Values values{options_.tenant, 0, 0, now()};
    if (walk.first()) values.first = walk.first()->seq;
    if (walk.last()) values.last = walk.last()->seq;
    summary_.output = target_.keep(values);
    write_summary(files_, options_, summary_);
    context_.note("dumped " + counted(total.messages, "message") +
                  (summary_.output.empty() ? "" : " to " + summary_.output) + "; next cursor: " + tail.next_cursor);
    context_.note(checksum_text(total.sha256, total.bytes));
    return summary_.gaps.empty() ? ExitCode::done : ExitCode::history;
  }

  ExitCode stopped(const Walk& walk, const client::CallError& error) {
    if (!options_.to_file()) output_.flush();
    const auto code = context_.failed(error);
    if (walk.rows() == 0 || options_.to_file()) return code;
    context_.note("The dump ended after " + counted(walk.rows(), "message") + "; go on with --cursor " + walk.cursor() +
                  ".");
    return ExitCode::partly;
  }

  Context& context_;
  const DumpOptions& options_;
  Files& files_;
  Target& target_;
  const Interruption* interruption_;  ///< none: signals end the process
  Output output_;
  Progress progress_;
  std::optional<Error> disorder_;
  Summary summary_;
};

}  // namespace

ExitCode dump_once(Context& context, const DumpOptions& options, Encoding encoding) {
  // Before there is a file to remove. Standard output needs no such care: there, a signal ends the process as any other
  // in a pipe.
  std::optional<Interruption> interruption;
  if (options.to_file()) interruption.emplace([&] { context.client().interrupt(); });
  const auto files = system_files();
  const auto target = target_of(context, *files, options);
  if (!target) return context.usage_error(target.error().message);
  return Dump(context, options, encoding, *files, **target, interruption ? &*interruption : nullptr).run();
}

}  // namespace mtmsg::ctl
