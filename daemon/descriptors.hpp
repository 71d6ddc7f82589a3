#pragma once

#include <cstddef>

namespace mtmsg::daemon {

/// Asks for as many open files as this process may have, `wanted` at the least if it can be. Returns how many it may
/// open from now on. Any thread.
std::size_t raise_descriptor_limit(std::size_t wanted) noexcept;

}  // namespace mtmsg::daemon
