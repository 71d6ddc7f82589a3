#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace mtmsg::ctl {

/// The nouns of the root, the verbs of a noun.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
/// The one that is called so, or nullptr.
CLI::App* find_command(CLI::App& app, const std::string& name);
/// The option with this name here or, because they may stand anywhere, in a command above; or nullptr.
const CLI::Option* find_option(const CLI::App* app, std::string_view name);

/// Looks for the first word on the line that is no noun, verb or option where it stands: a sentence that names it and
/// the nearest known one. nullopt: all names are known (the parser may still refuse the rest). `args` without the
/// program's name.
std::optional<std::string> unknown_name(const CLI::App& root, std::span<const std::string> args);

}  // namespace mtmsg::ctl
