#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace mtmsg {

/// The name a person most likely meant when they typed `typed`: the known one with the fewest inserted, removed,
/// replaced or swapped characters, case aside, if that is few enough for a slip (a third of the longer word). The
/// first of several equally near. The view is one of `known`.
std::optional<std::string_view> nearest_name(std::string_view typed, std::span<const std::string_view> known);

}  // namespace mtmsg
