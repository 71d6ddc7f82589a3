#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/loader.hpp"

namespace mtmsg::config {

/// The rules that one option's bounds cannot say. Pure. Appends what is broken; `where` is the option to change.
void check_config(const Config& config, std::vector<Problem>& problems);

}  // namespace mtmsg::config
