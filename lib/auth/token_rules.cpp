#include "auth/token_rules.hpp"

#include "auth/signature.hpp"

namespace mtmsg::auth {
namespace {

Error invalid(const std::string& why) {
  return fail(ErrorCode::unauthenticated, "the token is not accepted: " + why);
}

}  // namespace

Result<std::shared_ptr<const TokenRules>> TokenRules::load(const std::string& directory, Expectations expected) {
  auto keys = directory.empty() ? Result<std::vector<Key>>(std::vector<Key>{}) : load_keys(directory);
  if (!keys) return keys.error();
  return std::make_shared<const TokenRules>(std::move(*keys), std::move(expected));
}

/// The token chooses among the keys, never among the algorithms of a key. One that names no key is for those who have a
/// single key of its algorithm: with more, trying each would hide from everybody which one is still in use.
Result<const Key*> TokenRules::key_for(const Token& token) const {
  const Key* found = nullptr;
  for (const auto& key : keys_) {
    const bool fits = token.key_id ? key.id == *token.key_id : to_string(key.algorithm) == token.algorithm;
    if (!fits) continue;
    if (found != nullptr) return invalid("its header names no key (kid), and there are several of its algorithm");
    found = &key;
  }
  if (found == nullptr && token.key_id) return invalid("there is no key of the id its header names (kid)");
  if (found == nullptr) return invalid("its header names no key (kid), and there is none of its algorithm");
  if (to_string(found->algorithm) != token.algorithm)
    return invalid("its algorithm (alg) is not the one its key is for");
  return found;
}

Result<Claims> TokenRules::check(std::string_view text, Seconds now) const {
  const auto token = parse_token(text);
  if (!token) return invalid(token.error().message);
  const auto key = key_for(*token);
  if (!key) return key.error();
  if (!is_signed_with(token->text, **key)) return invalid("its signature is wrong");
  auto claims = read_claims(token->claims);
  if (!claims) return invalid(claims.error().message);
  if (const auto checked = check_claims(*claims, expected_, now); !checked) return invalid(checked.error().message);
  return claims;
}

Result<Principal> TokenRules::verify(std::string_view text, Seconds now) const {
  auto claims = check(text, now);
  if (!claims) return claims.error();
  return Principal{std::move(claims->subject), claims->role, claims->tenant, claims->scopes};
}

std::string TokenRules::names() const {
  std::string names;
  for (const auto& key : keys_) {
    if (!names.empty()) names += ", ";
    names += key.id + " (" + std::string(to_string(key.algorithm)) + ")";
  }
  return names;
}

}  // namespace mtmsg::auth
