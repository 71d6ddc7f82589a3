#pragma once

#include <memory>

#include "auth/token_rules.hpp"
#include "config/config.hpp"
#include "core/result.hpp"

/// What the files that a configuration names become, and whether they can: for the daemon, and for who checks a
/// configuration. Any thread.
namespace mtmsg::setup {

/// What tokens are checked with: the keys of auth.keys_dir, and what section auth expects of a token. Error: a key
/// file's, naming it.
Result<std::shared_ptr<const auth::TokenRules>> token_rules(const config::Config& config);

}  // namespace mtmsg::setup
