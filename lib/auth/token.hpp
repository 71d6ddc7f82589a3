#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/principal.hpp"
#include "core/result.hpp"

/// A JSON Web Token's text (RFC 7515, 7519), taken apart strictly. Nothing here looks at a signature. Pure. Errors are
/// invalid_argument, in words that a client may read.
namespace mtmsg::auth {

using Seconds = std::chrono::sys_seconds;

inline constexpr std::size_t kMaxTokenBytes = 8192;

/// Form: three parts of unpadded base64url, each written in the one right way, the first two JSON objects without a key
/// that stands twice.
struct Token {
  std::string text;
  std::string header;  ///< JSON
  std::string claims;  ///< JSON
  std::string algorithm;
  std::optional<std::string> key_id;
};
/// Refuses a header with `crit`, or a `typ` other than JWT. Keys that a header brings or points to (jwk, jku, x5u, x5c)
/// mean nothing here.
Result<Token> parse_token(std::string_view text);

struct Claims {
  std::string subject;
  Role role = Role::viewer;
  std::optional<TenantId> tenant;
  std::optional<Scopes> scopes;
  Seconds expires{};
  std::optional<Seconds> not_before;
  std::optional<Seconds> issued_at;
  std::optional<std::string> issuer;
  std::vector<std::string> audience;
};
/// The claims by type and rule: `sub`, `role` and `exp` there; `tenant_id` there for tenant and viewer, and only for
/// them; scopes as `scope` (one string) or `scopes` (an array), where names that are not ours grant nothing. Claims
/// nobody knows are passed over.
Result<Claims> read_claims(std::string_view json);
/// The same as JSON.
std::string write_claims(const Claims& claims);

/// What a token must be like besides its signature.
struct Expectations {
  std::string issuer;    ///< empty: any
  std::string audience;  ///< empty: any
  std::chrono::seconds leeway{};
};
/// `exp`, `nbf`, `iss` and `aud` at this time.
Result<void> check_claims(const Claims& claims, const Expectations& expected, Seconds now);

}  // namespace mtmsg::auth
