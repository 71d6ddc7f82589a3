#pragma once

#include <optional>
#include <span>
#include <string>

#include <CLI/CLI.hpp>

namespace mtmsg::ctl {

/// Looks for the first word on the line that is no noun, verb or option where it stands: a sentence that names it and
/// the nearest known one. nullopt: all names are known (the parser may still refuse the rest). `args` without the
/// program's name.
std::optional<std::string> unknown_name(const CLI::App& root, std::span<const std::string> args);

}  // namespace mtmsg::ctl
