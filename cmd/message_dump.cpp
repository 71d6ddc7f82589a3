#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "cmd/output/progress.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

struct Options {
  std::string tenant;
  client::MessageQuery query;
};

/// The number of a row without reading the rest of it: the server writes it first.
std::optional<std::int64_t> seq_of(std::string_view row) {
  constexpr std::string_view kBegin = "{\"seq\":";
  if (row.starts_with(kBegin)) {
    std::int64_t seq = 0;
    const auto [end, ec] = std::from_chars(row.data() + kBegin.size(), row.data() + row.size(), seq);
    if (ec == std::errc{}) return seq;
  }
  const auto message = wire::read_message(row);
  return message ? std::optional(message->seq.value) : std::nullopt;
}

/// How many rows there are to come; nullopt when a range of time makes it unknown, or it can't be asked.
std::optional<std::uint64_t> expected_rows(Context& context, const Options& options) {
  if (!context.around().err_is_terminal || options.query.since || options.query.until) return std::nullopt;
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return std::nullopt;
  std::int64_t begin = 0;
  const auto& cursor = options.query.cursor;
  std::from_chars(cursor.data(), cursor.data() + cursor.size(), begin);
  begin = std::max(begin, detail->oldest_seq - 1);
  return detail->messages > begin ? std::optional(static_cast<std::uint64_t>(detail->messages - begin)) : std::nullopt;
}

/// Streams until the server says that was all. A stream that is cut is taken up again after its last whole row, for as
/// long as each new one brings rows.
class Dump {
 public:
  Dump(Context& context, const Options& options) : context_(context), options_(options), query_(options.query) {}

  ExitCode run() {
    Progress progress(context_.around().err, context_.around().err_is_terminal, "messages",
                      expected_rows(context_, options_));
    while (true) {
      const auto rows_before = rows_;
      const auto end = context_.client().stream_messages(options_.tenant, query_,
                                                         [&](std::string_view row) { return take(row, progress); });
      if (!end) {
        progress.clear();
        return stopped(end.error());
      }
      if (end->tail) {
        progress.clear();
        return finished(*end->tail);
      }
      if (broken_row_ || rows_ == rows_before) {
        progress.clear();
        return cut();
      }
      query_.cursor = std::to_string(last_seq_);
    }
  }

 private:
  bool take(std::string_view row, Progress& progress) {
    const auto seq = seq_of(row);
    if (!seq) {
      broken_row_ = true;
      return false;
    }
    context_.print_line(row);
    last_seq_ = *seq;
    ++rows_;
    progress.advance(1);
    return true;
  }

  ExitCode finished(const wire::PageTail& tail) {
    if (tail.truncated) context_.note("Messages after this cursor were removed by retention before this dump.");
    context_.note("dumped " + counted(rows_, "message") + "; next cursor: " + tail.next_cursor);
    return ExitCode::done;
  }

  ExitCode cut() {
    return stopped({client::CallError::Cause::unreachable,
                    fail(ErrorCode::timeout, broken_row_ ? "the server sent a line that is no message"
                                                         : "the server broke the stream off")});
  }

  ExitCode stopped(const client::CallError& error) {
    const auto code = context_.failed(error);
    if (rows_ == 0) return code;
    context_.note("The dump ended after " + counted(rows_, "message") + "; go on with --cursor " +
                  std::to_string(last_seq_) + ".");
    return ExitCode::partly;
  }

  Context& context_;
  const Options& options_;
  client::MessageQuery query_;
  std::uint64_t rows_ = 0;
  std::int64_t last_seq_ = 0;
  bool broken_row_ = false;
};

ExitCode dump(Context& context, const Options& options) {
  if (context.format_given() && context.format() != Format::ndjson)
    return context.usage_error("a dump is NDJSON, one message a line; leave -o away");
  return Dump(context, options).run();
}

}  // namespace

void add_message_dump(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "dump", "Write all messages of a tenant to standard output, one JSON object a line",
                        "mtmsgctl message dump --tenant acme > acme.ndjson\n"
                        "mtmsgctl message dump acme --cursor 5000 | jq .payload");
  add_tenant_argument(verb, options->tenant);
  verb.add_option("--cursor", options->query.cursor, "Begin after this number")->type_name("CURSOR");
  verb.add_option("--since", options->query.since, "Only what was stored at this time or later (RFC 3339)")
      ->type_name("TIME");
  verb.add_option("--until", options->query.until, "Only what was stored before this time")->type_name("TIME");
  on_chosen(verb, chosen, [options](Context& context) { return dump(context, *options); });
}

}  // namespace mtmsg::ctl
