#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/result.hpp"
#include "wire/limits.hpp"

namespace mtmsg::ctl {

/// A limit as people write it: a whole number, for bytes also with KiB, MiB, GiB or TiB behind it, for seconds with s,
/// min, h or d. Error: invalid_argument that names the forms or the bounds.
Result<std::uint64_t> parse_limit_value(Limit limit, std::string_view text);

/// The largest unit that needs no fraction: "64MiB", "7d", "1000"; "none" for 0.
std::string limit_text(Limit limit, std::uint64_t value);

enum class DefaultWord { refused, taken };

/// One option for each row of the table of limits (--max-message-bytes …). With DefaultWord::taken, "default" stands
/// for the configured value.
void add_limit_options(CLI::App& verb, std::vector<TenantUpdate::LimitChange>& limits, DefaultWord word);

}  // namespace mtmsg::ctl
