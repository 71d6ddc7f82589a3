#pragma once

#include <string>
#include <string_view>

#include "config/loader.hpp"
#include "config/options.hpp"

namespace mtmsg::config {

/// The value as TOML writes it: a string in quotes, a number or a boolean bare.
std::string toml_value(const Option& option, std::string_view value);

/// What the daemon would run with, as TOML: every option, passwords hidden, a comment where a value is not the default
/// and came from. What a file gave is shown as a comment beside the option that names the file.
std::string show(const Loaded& loaded);

}  // namespace mtmsg::config
