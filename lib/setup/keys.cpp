#include "setup/keys.hpp"

#include <chrono>

namespace mtmsg::setup {

Result<std::shared_ptr<const auth::TokenRules>> token_rules(const config::Config& config) {
  const auto& from = config.auth;
  auto rules = auth::TokenRules::load(
      from.keys_dir, {from.issuer, from.audience, std::chrono::floor<std::chrono::seconds>(from.leeway)});
  if (rules.has_error()) return Error(rules.error()).with_context("auth.keys_dir");
  return rules;
}

}  // namespace mtmsg::setup
