#pragma once

#include <optional>
#include <string>

#include "cmd/context.hpp"
#include "cmd/export/files.hpp"
#include "cmd/export/output.hpp"
#include "cmd/export/summary.hpp"
#include "cmd/export/walk.hpp"

/// `message dump`: its three kinds of run share their options and how they report.
namespace mtmsg::ctl {

struct DumpOptions {
  std::string tenant;
  bool all_tenants = false;
  client::MessageQuery query;
  std::string output;
  std::string compress;
  std::string cursor_file;
  std::optional<std::int64_t> accepted_epoch;
  bool follow = false;
  std::string summary;

  bool to_file() const { return !output.empty() && output != "-"; }
  /// As the walk takes it.
  std::optional<std::string> asked() const { return all_tenants ? std::nullopt : std::optional(tenant); }
};

/// To standard output, or to a file that takes its name when it is complete.
ExitCode dump_once(Context& context, const DumpOptions& options, Encoding encoding);
/// To standard output, as messages come, until SIGINT or SIGTERM.
ExitCode dump_following(Context& context, const DumpOptions& options, Encoding encoding);
/// With a cursor file.
ExitCode dump_incremental(Context& context, const DumpOptions& options, Encoding encoding);

/// How many messages there are to come; nullopt when it can't be said, or no terminal wants to know.
std::optional<std::uint64_t> expected_messages(Context& context, const DumpOptions& options);

/// On standard error: retention was faster.
void report_gap(Context& context, const Gap& gap);
/// Writes --summary, if it was asked for, as a file that is complete or not there.
void write_summary(Files& files, const DumpOptions& options, const Summary& summary);
/// "sha256 …, 1,234 bytes"
std::string checksum_text(const std::string& sha256, std::uint64_t bytes);

}  // namespace mtmsg::ctl
