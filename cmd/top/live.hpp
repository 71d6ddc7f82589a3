#pragma once

#include <chrono>

#include "cmd/context.hpp"

namespace mtmsg::ctl::top {

/// Draws on the terminal until somebody quits.
ExitCode watch(Context& context, const client::ActivityQuery& query, std::chrono::milliseconds interval);

}  // namespace mtmsg::ctl::top
