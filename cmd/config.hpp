#pragma once

#include "cmd/command.hpp"

namespace mtmsg::ctl {

/// The daemon's configuration: for a look before it is put to use. Asks no daemon.
void add_config(CLI::App& noun, Action& chosen);

}  // namespace mtmsg::ctl
