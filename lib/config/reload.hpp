#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/options.hpp"

namespace mtmsg::config {

/// How a configuration that was loaded again differs from the one that runs.
struct Changes {
  std::vector<const Option*> reloadable;    ///< can change now
  std::vector<const Option*> need_restart;  ///< changed, and stay what they are until the next start
};
Changes changes(const Config& running, const Config& wanted);

/// What runs after a reload: `running`, with `wanted`'s values of the options that are reloadable. What needs a restart
/// keeps its value, so that the next reload tells of it again.
Config reloaded(const Config& running, const Config& wanted);

/// "log.level, shutdown.timeout".
std::string names_of(const std::vector<const Option*>& options);

}  // namespace mtmsg::config
