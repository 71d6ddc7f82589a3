#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace mtmsg::config {

/// Environment variables by name. An empty value counts as not set.
using Environment = std::map<std::string, std::string, std::less<>>;
/// Of a process: `environ`.
Environment environment_from(const char* const* entries);

/// Something wrong, and where: "/etc/mtmsg/mtmsgd.toml:12", "MTMSG_HTTP_LISTEN" or an option's name.
struct Problem {
  std::string where;
  std::string what;
  /// "where: what".
  std::string to_string() const { return where + ": " + what; }
};

/// What came of loading: usable only when there is no problem, but all problems at once.
struct Loaded {
  Config config;
  std::vector<Problem> problems;
  /// For each option that is not at its default, where its value came from: "FILE:LINE", a variable's name, or the path
  /// of the file that held a secret.
  std::map<std::string_view, std::string> origins;

  bool ok() const noexcept { return problems.empty(); }
};

enum class FileRule {
  required,  ///< the file was named by the user
  optional,  ///< a missing file means defaults and environment
};

/// Defaults, then the file, then the environment, then secrets: a `*_file` option, else a systemd credential named like
/// the option ($CREDENTIALS_DIRECTORY/database.url), fills the option when it has no value of its own. A later source
/// beats an earlier one; url and url_file in the same source are a problem. Then the checks over several options.
/// Strict: unknown keys, sections and MTMSG_* variables are problems that name the nearest known one (MTMSG_CONFIG is
/// the command line's). Reads files; throws nothing but std::bad_alloc.
Loaded load(const std::string& file, FileRule rule, const Environment& environment);

/// The same with the file's text given; `file` is only its name in problems.
Loaded load_text(std::string_view toml, const std::string& file, const Environment& environment);

}  // namespace mtmsg::config
