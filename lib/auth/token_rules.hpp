#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/key.hpp"
#include "auth/token.hpp"

namespace mtmsg::auth {

/// The keys and expectations that tokens are checked with. Never changes once made: a reload makes another. Any thread.
class TokenRules {
 public:
  /// Without a directory there are no keys. Errors: load_keys'.
  static Result<std::shared_ptr<const TokenRules>> load(const std::string& directory, Expectations expected);

  TokenRules(std::vector<Key> keys, Expectations expected) : keys_(std::move(keys)), expected_(std::move(expected)) {}

  /// Who shows it. In this order: form, key, signature, claims; claims are looked at only when the signature is right.
  /// Error: unauthenticated, in words that tell expired from badly signed from unknown key, and nothing secret.
  Result<Principal> verify(std::string_view token, Seconds now) const;
  /// The same, all that the token claims.
  Result<Claims> check(std::string_view token, Seconds now) const;

  const std::vector<Key>& keys() const noexcept { return keys_; }
  /// "2026-11 (HS256), partner (RS256)": for the log.
  std::string names() const;

 private:
  Result<const Key*> key_for(const Token& token) const;

  const std::vector<Key> keys_;
  const Expectations expected_;
};

}  // namespace mtmsg::auth
