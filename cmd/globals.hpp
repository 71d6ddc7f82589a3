#pragma once

#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/client.hpp"
#include "cmd/context.hpp"
#include "cmd/exit_code.hpp"
#include "core/result.hpp"

/// The options every command takes, and where their values come from: the line, else a variable, else the profile.
namespace mtmsg::ctl {

void add_globals(CLI::App& root, Globals& globals);

/// "MTMSGCTL_TOKEN_FILE" of the root's --token-file; empty for what no variable gives.
std::string variable_of(const CLI::Option& option);

/// What a profile may say: the options' names, with underscores.
std::vector<std::string> profile_keys(const CLI::App& root);

/// Gives the options that the line left out the values of their variables and of the profile; the line was parsed
/// before. `profiles`: their file; empty: there are none. Error: invalid_argument, naming the variable, or file and
/// line.
Result<void> settle(CLI::App& root, const std::string& profiles);

/// The way to the daemon, as settled. Error: invalid_argument.
Result<client::Client> connect(const CLI::App& root, const Globals& globals, std::chrono::seconds timeout);

/// run() with the profiles of a file.
ExitCode run(std::span<const std::string> args, Surroundings around, const std::string& profiles);

}  // namespace mtmsg::ctl
