#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cmd/context.hpp"
#include "cmd/exit_code.hpp"
#include "core/result.hpp"

namespace mtmsg::ctl {

/// What a command line asked for; runs after the whole line was understood.
using Action = std::function<ExitCode(Context&)>;

/// Adds a verb under a noun (or a noun that is its own verb under the root). `options` adds to it and says what to do:
/// it is called once, while the command tree is built.
CLI::App& add_verb(CLI::App& parent, std::string name, std::string help, std::string examples);

/// TENANT, or --tenant, required.
void add_tenant_argument(CLI::App& verb, std::string& tenant);

/// A check for an option: a whole number within the bounds.
std::function<std::string(const std::string&)> whole_number(std::uint64_t lowest, std::uint64_t highest);

/// A secret in a file; blanks and line ends around it are no part of it. `what` names it in the error.
Result<std::string> read_secret_file(const std::string& path, std::string_view what);

/// Makes `action` the one to run when `verb` was on the line.
void on_chosen(CLI::App& verb, Action& chosen, Action action);

/// CLI11 takes an argument in brackets for a list and splits it, which would tear a JSON array apart. So such arguments
/// go through the parser behind a guard character.
std::string with_bracket_guard(std::string arg);
std::string without_bracket_guard(std::string arg);

/// One noun of the command line: each has a file of its own.
struct Noun {
  std::string_view name;
  std::string_view help;
  /// For a noun with verbs: adds them. For one without: adds its options and its action.
  void (*add)(CLI::App& noun, Action& chosen);
  bool has_verbs = true;
  std::string_view examples;
};

void add_tenant(CLI::App& noun, Action& chosen);
void add_concurrency(CLI::App& noun, Action& chosen);
void add_message(CLI::App& noun, Action& chosen);
void add_dead_letter(CLI::App& noun, Action& chosen);
void add_migrate(CLI::App& noun, Action& chosen);
void add_audit(CLI::App& noun, Action& chosen);
void add_token(CLI::App& noun, Action& chosen);
void add_explain(CLI::App& noun, Action& chosen);
void add_status(CLI::App& noun, Action& chosen);
void add_top(CLI::App& noun, Action& chosen);
void add_version(CLI::App& noun, Action& chosen);

/// The verbs of `message` that have files of their own.
void add_message_publish(CLI::App& noun, Action& chosen);
void add_message_dump(CLI::App& noun, Action& chosen);
void add_message_erase(CLI::App& noun, Action& chosen);

/// Likewise of `tenant`.
void add_tenant_orphans(CLI::App& noun, Action& chosen);
void add_tenant_credentials(CLI::App& noun, Action& chosen);

/// Likewise of `dead-letter`.
void add_dead_letter_replay(CLI::App& noun, Action& chosen);
void add_dead_letter_purge(CLI::App& noun, Action& chosen);

}  // namespace mtmsg::ctl
