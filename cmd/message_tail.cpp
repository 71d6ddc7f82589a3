#include "cmd/message_tail.hpp"

#include <algorithm>
#include <memory>

#include "cmd/command.hpp"
#include "cmd/export/encoder.hpp"
#include "cmd/export/follower.hpp"
#include "cmd/message_dump.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::uint64_t kMostLast = 1'000'000'000;

struct Options {
  std::string tenant;
  std::uint64_t last = 10;
  bool follow = false;
};

/// Rows as the format wants them, each as soon as it comes.
class ToSink final : public Follower::Printer {
 public:
  ToSink(Context& context, std::int64_t newest)
      : context_(context),
        table_(context.format() == Format::table),
        width_(context.around().out_is_terminal ? std::optional<std::size_t>(context.around().columns) : std::nullopt),
        seq_width_(tail_seq_width(newest)) {
    if (table_)
      text_ = tail_titles(seq_width_);
    else
      encoder_ = make_encoder(context.format());
    if (encoder_) encoder_->begin(text_);
  }

  Result<void> add(std::string_view row) override {
    if (encoder_) return encoder_->add(text_, row);
    const auto message = wire::read_message(row);
    if (!message) return message.error();
    text_ += tail_line(*message, seq_width_, width_);
    return {};
  }
  void flush() override {
    context_.around().out.write(text_);
    context_.around().out.flush();
    text_.clear();
  }
  void finish() {
    if (encoder_) encoder_->end(text_);
    flush();
  }

 private:
  Context& context_;
  const bool table_;
  const std::optional<std::size_t> width_;
  const std::size_t seq_width_;
  std::unique_ptr<Encoder> encoder_;
  std::string text_;
};

ExitCode show_last(Context& context, const Options& options, const client::MessageQuery& query, ToSink& printer) {
  const auto source = daemon_source(context.client());
  std::optional<Error> disorder;
  Walk walk(*source, {options.tenant, query, false},
            {[&](std::string_view row, const RowHead&) {
               if (auto added = printer.add(row); !added) disorder = added.error();
               return !disorder;
             },
             [&](const Gap&) {}});  // what is gone was not asked for
  const auto end = walk.run();
  if (disorder) return context.failed({client::CallError::Cause::answer, *disorder});
  if (!end) {
    printer.flush();
    return context.failed(end.error());
  }
  printer.finish();
  return ExitCode::done;
}

ExitCode follow(Context& context, const Options& options, const client::MessageQuery& query, ToSink& printer) {
  Follower follower(context, {options.tenant, query}, printer);
  if (const auto code = follower.run()) return *code;
  printer.finish();
  return follower.had_gaps() ? ExitCode::history : ExitCode::done;
}

ExitCode tail(Context& context, const Options& options) {
  if (options.follow && context.format() == Format::json)
    return context.usage_error("--follow has no end, and a JSON document has one; -o ndjson gives a document a line");
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  client::MessageQuery query;
  const auto newest = detail->messages;
  const auto last = static_cast<std::int64_t>(options.last);
  // Not before the oldest that is kept: what retention removed was not asked for.
  query.cursor = std::to_string(std::max<std::int64_t>({newest - last, detail->oldest_seq - 1, 0}));
  ToSink printer(context, newest);
  printer.flush();
  return options.follow ? follow(context, options, query, printer) : show_last(context, options, query, printer);
}

}  // namespace

std::size_t tail_seq_width(std::int64_t newest) {
  // One digit more: it goes on while it is shown.
  return std::max<std::size_t>(std::to_string(newest).size() + 1, 6);
}

std::string tail_titles(std::size_t seq_width) {
  return std::string(seq_width - 3, ' ') + "SEQ  CREATED AT            PAYLOAD\n";
}

std::string tail_line(const StoredMessage& message, std::size_t seq_width, std::optional<std::size_t> width) {
  const auto seq = std::to_string(message.seq.value);
  std::string line(seq_width - std::min(seq_width, seq.size()), ' ');
  line += seq + "  " + without_fraction(format_timestamp(message.created_at)) + "  ";
  Table payload{{{"payload", Kind::flexible}}, {{message.erased_at ? "(erased)" : message.payload}}};
  std::string cell;
  const auto room =
      width && *width > line.size() ? std::optional(static_cast<unsigned>(*width - line.size())) : std::nullopt;
  append_table(cell, payload, room);
  return line + cell.substr(cell.find('\n') + 1);
}

void add_message_tail(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "tail", "Show the last messages, and with -f go on as they come",
                        "mtmsgctl message tail acme\n"
                        "mtmsgctl message tail acme -n 100\n"
                        "mtmsgctl message tail acme -f\n"
                        "mtmsgctl -o ndjson message tail acme -n 0 -f | jq --unbuffered .payload");
  add_tenant_argument(verb, options->tenant);
  verb.add_option("-n,--last", options->last, "So many of the last messages first")
      ->type_name("N")
      ->check(whole_number(0, kMostLast))
      ->capture_default_str();
  verb.add_flag("-f,--follow", options->follow, "Go on as messages come, until SIGINT or SIGTERM");
  on_chosen(verb, chosen, [options](Context& context) { return tail(context, *options); });
}

}  // namespace mtmsg::ctl
