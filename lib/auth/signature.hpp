#pragma once

#include <string>
#include <string_view>

#include "auth/key.hpp"
#include "core/result.hpp"

/// The only place that knows libjwt: what a token says is read by token.hpp, its signature is made and looked at here.
namespace mtmsg::auth {

/// Is `token` signed with this key and this key's algorithm? `token` is of the form parse_token() lets through, and its
/// header says the key's algorithm; both are asked once more of libjwt. Any thread.
bool is_signed_with(const std::string& token, const Key& key);

/// A token with the header {"alg","kid","typ"} and these claims, a JSON object. Errors: invalid_argument when the key
/// is a public one or the claims are no object; internal.
Result<std::string> sign(const std::string& claims, const Key& key);

}  // namespace mtmsg::auth
