#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace mtmsg::ctl {

/// The help text of one command, at most 80 columns wide for texts that fit: usage, what it does, arguments, options,
/// commands below, examples.
std::string help_of(const CLI::App& app);

/// "mtmsgctl tenant create": what to type to reach it.
std::string full_name(const CLI::App& app);

}  // namespace mtmsg::ctl
