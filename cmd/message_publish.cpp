#include <charconv>
#include <fstream>
#include <memory>
#include <optional>

#include "cmd/command.hpp"
#include "cmd/export/interruption.hpp"
#include "cmd/insist.hpp"
#include "cmd/output/progress.hpp"
#include "core/uuid.hpp"
#include "wire/json_text.hpp"
#include "wire/publish.hpp"

namespace mtmsg::ctl {
namespace {

// One request: big enough that its round trip does not count, small enough for any server's limit on bodies as long as
// a single message is within it.
constexpr std::size_t kBatchLines = 1000;
constexpr std::size_t kBatchBytes = std::size_t{512} * 1024;

// More than these say nothing new on a screen; -o ndjson has them all.
constexpr std::size_t kShownFailures = 10;

/// Where a run that stopped is to be taken up: "1001:KEY". Under the same key, from the same line, the same requests
/// are made, so whatever the run before had on its way is stored once.
struct Resume {
  std::size_t line = 1;
  std::string key;
};

Result<Resume> parse_resume(std::string_view text) {
  const auto colon = text.find(':');
  std::size_t line = 0;
  const auto number = text.substr(0, colon);
  const auto* end = number.data() + number.size();
  const auto [stopped, failed] = std::from_chars(number.data(), end, line);
  const auto key = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (failed != std::errc{} || stopped != end || line == 0 || !Uuid::parse(key))
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) + "' is not what a run that stopped says: LINE:KEY");
  return Resume{line, std::string(key)};
}

struct Options {
  std::string tenant;
  std::vector<std::string> payloads;
  std::string file;
  std::optional<Resume> resume;
  std::optional<std::string> id;
  bool envelope = false;
};

/// Bytes from here to the end, where the input has one that is known: not of a pipe.
std::optional<std::uint64_t> size_of(std::istream& input) {
  auto& bytes = *input.rdbuf();
  const auto here = bytes.pubseekoff(0, std::ios::cur, std::ios::in);
  if (here < 0) return std::nullopt;
  const auto end = bytes.pubseekoff(0, std::ios::end, std::ios::in);
  if (bytes.pubseekpos(here, std::ios::in) != here || end <= here) return std::nullopt;
  return static_cast<std::uint64_t>(end - here);
}

/// Publishes a stream of lines in batches and keeps the count. Lines are numbered as in the input.
class Publishing {
 public:
  Publishing(Context& context, const Options& options)
      : context_(context), options_(options), key_(options.resume ? options.resume->key : Uuid::v4().to_string()) {}

  ExitCode run(std::istream& input) {
    const Interruption interruption([] {});
    const auto size = size_of(input);
    progress_.emplace(context_.around().err, context_.around().err_is_terminal, size ? "bytes" : "messages", size);
    std::uint64_t bytes = 0;
    std::string line;
    const auto first = options_.resume ? options_.resume->line : 1;
    for (std::size_t number = 1; std::getline(input, line); ++number) {
      bytes += line.size() + 1;
      if (number < first || line.find_first_not_of(" \t\r") == std::string::npos) continue;
      add(number, line);
      const bool full = numbers_.size() >= kBatchLines || batch_.size() >= kBatchBytes;
      const auto lines = numbers_.size();
      if (full && !send()) return stopped();
      if (full) progress_->advance(size ? std::exchange(bytes, 0) : lines);
      if (full && interruption.requested()) return interrupted(number + 1);
    }
    if (input.bad()) {
      context_.complain("reading the input failed after " + counted(queued_, "message"));
      return ExitCode::partly;
    }
    return send() ? finished() : stopped();
  }

 private:
  void add(std::size_t number, std::string_view line) {
    // The line goes into a JSON object as it is, so it has to be one value and nothing else.
    if (const auto checked = wire::check_json(line); !checked) {
      report({number, checked.error()});
      return;
    }
    if (options_.envelope)
      batch_ += line;
    else
      wire::append_publish_request(batch_, {std::nullopt, line});
    batch_ += '\n';
    numbers_.push_back(number);
  }

  bool send() {
    if (numbers_.empty()) return true;
    const auto results = publish_batch();
    batch_.clear();
    if (!results) {
      error_ = results.error();
      return false;
    }
    for (const auto& result : *results)
      if (result.line >= 1 && result.line <= numbers_.size()) report({numbers_[result.line - 1], result.result});
    if (results->size() < numbers_.size()) {
      error_ = client::CallError{client::CallError::Cause::unreachable,
                                 fail(ErrorCode::timeout, "the server broke its answer off")};
      return false;
    }
    numbers_.clear();
    return true;
  }

  /// Broken off in the middle, it is sent again under its key: what has no id is stored once all the same.
  client::Call<std::vector<wire::PublishLine>> publish_batch() {
    const auto key = key_ + "-" + std::to_string(numbers_.front());
    return insist([&] { return context_.client().publish_lines(options_.tenant, batch_, key); }, context_.timeout());
  }

  void report(const wire::PublishLine& line) {
    if (context_.format() == Format::ndjson) {
      std::string json;
      wire::append_publish_line(json, line);
      context_.print_line(json);
    }
    const auto* error = std::get_if<Error>(&line.result);
    if (error == nullptr) {
      ++queued_;
      return;
    }
    if (++failed_ > kShownFailures) return;
    progress_->clear();
    context_.complain("line " + std::to_string(line.line) + ": " + error->message);
  }

  void sum_up() {
    progress_->clear();
    auto text = "published " + counted(queued_, "message");
    if (failed_ > 0) text += "; " + with_commas(failed_) + " failed";
    if (failed_ > kShownFailures) text += " (the first " + std::to_string(kShownFailures) + " are shown)";
    context_.note(text);
  }

  ExitCode finished() {
    sum_up();
    if (failed_ == 0) return ExitCode::done;
    return queued_ > 0 ? ExitCode::partly : ExitCode::refused;
  }

  ExitCode stopped() {
    progress_->clear();
    const auto code = context_.failed(*error_);
    sum_up();
    // A request that was refused as a whole, such as for a tenant that is not there, has nothing on its way.
    const bool perhaps_some = queued_ > 0 || error_->cause == client::CallError::Cause::unreachable;
    if (perhaps_some || options_.resume) tell_where(numbers_.empty() ? 1 : numbers_.front());
    return queued_ > 0 ? ExitCode::partly : code;
  }

  ExitCode interrupted(std::size_t next) {
    sum_up();
    tell_where(next);
    return ExitCode::partly;
  }

  void tell_where(std::size_t line) {
    const auto number = std::to_string(line);
    context_.note("Stopped at line " + number + ". Go on with the same input and --resume " + number + ":" + key_);
  }

  Context& context_;
  const Options& options_;
  const std::string key_;
  std::optional<Progress> progress_;  ///< of bytes where it is known how many there are
  std::string batch_;
  std::vector<std::size_t> numbers_;  ///< of the batch's lines in the input
  std::uint64_t queued_ = 0;
  std::uint64_t failed_ = 0;
  std::optional<client::CallError> error_;
};

/// Each of the arguments as a message of its own, in order; stops at the first that fails.
ExitCode publish_arguments(Context& context, const Options& options) {
  for (std::size_t i = 0; i < options.payloads.size(); ++i)
    if (const auto checked = wire::check_json(options.payloads[i]); !checked)
      return context.usage_error("message " + std::to_string(i + 1) + " is " + checked.error().message +
                                 "; quote it for the shell: '{\"hello\":\"world\"}'");
  Listing listing;
  listing.table.columns = {{"id"}, {"status"}};
  std::optional<client::CallError> error;
  const auto run = Uuid::v4().to_string();
  for (const auto& payload : options.payloads) {
    const auto key = run + "-" + std::to_string(listing.json.size() + 1);
    const auto id = insist(
        [&] {
          return context.client().publish(options.tenant, {options.id, payload}, key);
        },
        context.timeout());
    if (!id) {
      error = id.error();
      break;
    }
    listing.table.rows.push_back({id->to_string(), "queued"});
    wire::append_published(listing.json.emplace_back(), *id);
  }
  if (listing.json.size() == 1)
    listing.document = listing.json.front();
  else
    wire::append_array(listing.document, listing.json, [](std::string& out, const std::string& row) { out += row; });
  if (!listing.json.empty()) context.print(listing);
  if (!error) return ExitCode::done;
  const auto code = context.failed(*error);
  if (listing.json.empty()) return code;
  context.note("Only the first " + std::to_string(listing.json.size()) + " were published.");
  return ExitCode::partly;
}

ExitCode publish(Context& context, const Options& options) {
  if (!options.payloads.empty()) {
    if (!options.file.empty()) return context.usage_error("give the messages as arguments or with --file, not both");
    if (options.id && options.payloads.size() > 1) return context.usage_error("--id is for one message");
    if (options.resume) return context.usage_error("--resume is for lines of a file or of standard input");
    if (options.envelope) return context.usage_error("--envelope is for lines of a file or of standard input");
    return publish_arguments(context, options);
  }
  if (options.id) return context.usage_error("--id goes with a message given as an argument; lines take --envelope");
  if (context.format() == Format::csv || context.format() == Format::json)
    return context.usage_error("the results of many lines are printed with -o ndjson, or summed up without -o");
  if (!options.file.empty() && options.file != "-") {
    std::ifstream file(options.file, std::ios::binary);
    if (!file.is_open()) return context.usage_error("the file " + options.file + " cannot be opened");
    return Publishing(context, options).run(file);
  }
  if (options.file.empty() && context.around().in_is_terminal)
    return context.usage_error("no message: give JSON as an argument, --file FILE, or lines on standard input");
  return Publishing(context, options).run(context.around().in);
}

}  // namespace

void add_message_publish(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "publish", "Publish messages: from arguments, a file, or lines on standard input",
                        "mtmsgctl message publish acme '{\"order\":7}'\n"
                        "mtmsgctl message publish acme --id order-7 '{\"order\":7}'\n"
                        "mtmsgctl message publish acme --file orders.ndjson\n"
                        "jq -c .[] orders.json | mtmsgctl message publish acme\n"
                        "mtmsgctl message publish acme --envelope < with-ids.ndjson\n"
                        "mtmsgctl message publish acme --file orders.ndjson \\\n"
                        "  --resume 4001:0190d3c4-5a6b-4c8d-9e0f-112233445566");
  add_tenant_argument(verb, options->tenant);
  verb.add_option("JSON", options->payloads, "One message each; without any, lines are read (one message a line)");
  verb.add_option("--file", options->file, "Read lines from here; - is standard input")->type_name("FILE");
  verb.add_option("--id", options->id,
                  "The message's id: published again with the same id, it is still stored once. A UUID is taken as it "
                  "is, any other text becomes one")
      ->type_name("ID");
  verb.add_option_function<std::string>(
          "--resume", [options](const std::string& text) { options->resume = parse_resume(text).value(); },
          "Go on with the same lines where a run stopped, as it said: nothing is stored twice")
      ->type_name("LINE:KEY")
      ->check([](const std::string& text) {
        const auto parsed = parse_resume(text);
        return parsed ? std::string() : parsed.error().message;
      });
  verb.add_flag("--envelope", options->envelope, "Each line is {\"id\":…,\"payload\":…}, not the bare payload");
  on_chosen(verb, chosen, [options](Context& context) {
    for (auto& payload : options->payloads) payload = without_bracket_guard(payload);
    return publish(context, *options);
  });
}

}  // namespace mtmsg::ctl
