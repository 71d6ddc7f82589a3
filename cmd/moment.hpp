#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "core/result.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {

/// A time, or how long ago: "2026-01-31T12:00:00Z", "90min".
Result<Timestamp> parse_moment(std::string_view text);

/// An option of a verb that takes one. `value` lives as long as the verb.
void add_moment(CLI::App& verb, std::string name, std::optional<Timestamp>& value, std::string help);

}  // namespace mtmsg::ctl
