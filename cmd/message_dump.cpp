#include "cmd/message_dump.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "cmd/command.hpp"
#include "cmd/export/output_name.hpp"

namespace mtmsg::ctl {
namespace {

const std::map<std::string, Compression> kCompressions{{"zstd", Compression::zstd}, {"gzip", Compression::gzip}};

/// What does not go together; empty when all is well.
std::string wrong_combination(Context& context, const DumpOptions& options) {
  if (options.tenant.empty() == !options.all_tenants) {
    return options.all_tenants ? "give a tenant or --all-tenants, not both" : "TENANT is required, or --all-tenants";
  }
  if (context.format_given() && context.format() == Format::table)
    return "a dump is ndjson, csv or json; for a table there is 'message list'";
  if (options.follow) {
    if (!options.output.empty() || !options.cursor_file.empty() || !options.compress.empty())
      return "--follow writes to standard output as messages come; for files run without it, again and again";
    if (options.query.until || (context.format_given() && context.format() == Format::json))
      return "--follow has no end: it takes neither --until nor -o json";
  }
  if (options.cursor_file.empty() && options.accepted_epoch) return "--accept-epoch goes with --cursor-file";
  if (!options.cursor_file.empty() && (options.output.empty() || options.output == "-"))
    return "--cursor-file needs --output FILE: what a pipe has read can't be taken back";
  if (options.all_tenants &&
      (options.output.find("{first}") != std::string::npos || options.output.find("{last}") != std::string::npos ||
       options.output.find("{tenant}") != std::string::npos))
    return "with --all-tenants a name may have {time}; numbers are each tenant's own";
  if (!options.compress.empty() && options.output.empty() && context.around().out_is_terminal)
    return "compressed data is not for a terminal; give --output FILE or a pipe";
  return {};
}

ExitCode dump(Context& context, const DumpOptions& options) {
  if (auto wrong = wrong_combination(context, options); !wrong.empty()) return context.usage_error(wrong);
  Encoding encoding;
  if (context.format_given()) encoding.format = context.format();
  if (!options.compress.empty()) encoding.compression = kCompressions.at(options.compress);
  if (!options.cursor_file.empty()) return dump_incremental(context, options, encoding);
  return options.follow ? dump_following(context, options, encoding) : dump_once(context, options, encoding);
}

void add_selection(CLI::App& verb, DumpOptions& options) {
  verb.add_option("TENANT,--tenant", options.tenant, "The tenant's name or id")->type_name("TENANT");
  verb.add_flag("--all-tenants", options.all_tenants, "The messages of every tenant, one tenant after the other");
  verb.add_option("--cursor", options.query.cursor, "Begin after this number; of all tenants, after TENANT_ID:NUMBER")
      ->type_name("CURSOR");
  verb.add_option("--since", options.query.since, "Only what was stored at this time or later (RFC 3339)")
      ->type_name("TIME");
  verb.add_option("--until", options.query.until, "Only what was stored before this time")->type_name("TIME");
  verb.add_flag("-f,--follow", options.follow, "Go on as messages come, until SIGINT or SIGTERM");
}

void add_outputs(CLI::App& verb, DumpOptions& options) {
  verb.add_option("--output", options.output,
                  "Write to this file, which appears when it is complete. Its name may have {tenant}, {first}, {last} "
                  "(numbers) and {time}")
      ->type_name("FILE");
  verb.add_option("--compress", options.compress, "Compress: zstd or gzip")
      ->type_name("METHOD")
      ->check([](const std::string& name) {
        return kCompressions.contains(name) ? std::string() : "'" + name + "' is not one of zstd, gzip";
      });
  verb.add_option("--cursor-file", options.cursor_file,
                  "Keep here how far it came: each run writes what came since the last one, every message once")
      ->type_name("FILE");
  verb.add_option("--accept-epoch", options.accepted_epoch,
                  "Go on although the database was restored: the epoch that the refusal named")
      ->type_name("EPOCH");
  verb.add_option("--summary", options.summary, "Write count, SHA-256 and cursor to this file, as JSON")
      ->type_name("FILE");
}

}  // namespace

std::optional<std::uint64_t> expected_messages(Context& context, const DumpOptions& options) {
  if (!context.around().err_is_terminal || options.all_tenants || options.query.since || options.query.until)
    return std::nullopt;
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return std::nullopt;
  std::int64_t begin = 0;
  const auto& cursor = options.query.cursor;
  std::from_chars(cursor.data(), cursor.data() + cursor.size(), begin);
  begin = std::max(begin, detail->oldest_seq - 1);
  return detail->messages > begin ? std::optional(static_cast<std::uint64_t>(detail->messages - begin)) : std::nullopt;
}

void report_gap(Context& context, const Gap& gap) {
  const auto missing = static_cast<std::uint64_t>(gap.before - gap.after - 1);
  context.complain(counted(missing, "message") + " of tenant " + gap.tenant.to_string() + " after number " +
                   std::to_string(gap.after) + " were removed by retention before they were exported");
}

void write_summary(Files& files, const DumpOptions& options, const Summary& summary) {
  if (!options.summary.empty()) files.replace(options.summary, summary_text(summary));
}

std::string checksum_text(const std::string& sha256, std::uint64_t bytes) {
  return "sha256 " + sha256 + ", " + counted(bytes, "byte");
}

void add_message_dump(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<DumpOptions>();
  auto& verb = add_verb(noun, "dump", "Export messages: to standard output or a file, once or again and again",
                        "mtmsgctl message dump --tenant acme > acme.ndjson\n"
                        "mtmsgctl message dump acme --cursor 5000 | jq .payload\n"
                        "mtmsgctl message dump acme -o csv --compress zstd --output acme.csv.zst\n"
                        "mtmsgctl message dump acme --follow | grep --line-buffered refund\n"
                        "mtmsgctl message dump acme --cursor-file /var/lib/export/acme.cursor \\\n"
                        "  --output '/var/lib/export/acme-{first}-{last}.ndjson'");
  add_selection(verb, *options);
  add_outputs(verb, *options);
  on_chosen(verb, chosen, [options](Context& context) { return dump(context, *options); });
}

}  // namespace mtmsg::ctl
