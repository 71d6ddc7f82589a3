#include "auth/signature.hpp"

#include <cstdlib>
#include <memory>

#include <jwt.h>
#include <openssl/err.h>

namespace mtmsg::auth {
namespace {

using Jwt = std::unique_ptr<jwt_t, decltype([](jwt_t* jwt) { jwt_free(jwt); })>;
using Text = std::unique_ptr<char, decltype([](char* text) { std::free(text); })>;

jwt_alg_t libjwt_name(Algorithm algorithm) noexcept {
  switch (algorithm) {
    case Algorithm::hs256:
      return JWT_ALG_HS256;
    case Algorithm::hs384:
      return JWT_ALG_HS384;
    case Algorithm::hs512:
      return JWT_ALG_HS512;
    case Algorithm::rs256:
      return JWT_ALG_RS256;
    case Algorithm::rs384:
      return JWT_ALG_RS384;
    case Algorithm::rs512:
      return JWT_ALG_RS512;
    case Algorithm::es256:
      return JWT_ALG_ES256;
    case Algorithm::es384:
      return JWT_ALG_ES384;
    case Algorithm::es512:
      return JWT_ALG_ES512;
  }
  return JWT_ALG_NONE;
}

const unsigned char* bytes(const std::string& text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

bool is_signed_with(const std::string& token, const Key& key) {
  jwt_t* decoded = nullptr;
  const int failed =
      jwt_decode(&decoded, token.c_str(), bytes(key.verify_with), static_cast<int>(key.verify_with.size()));
  const Jwt owner(decoded);
  ERR_clear_error();
  // With "alg" none libjwt would look at no signature at all.
  return failed == 0 && decoded != nullptr && jwt_get_alg(decoded) == libjwt_name(key.algorithm);
}

Result<std::string> sign(const std::string& claims, const Key& key) {
  if (key.sign_with.empty())
    return fail(ErrorCode::invalid_argument, key.file + " holds a public key; tokens are signed with the private one");
  jwt_t* made = nullptr;
  if (jwt_new(&made) != 0) return fail(ErrorCode::internal, "libjwt makes no token");
  const Jwt owner(made);
  if (jwt_add_grants_json(made, claims.c_str()) != 0)
    return fail(ErrorCode::invalid_argument, "the claims are no JSON object");
  const bool ready =
      jwt_add_header(made, "kid", key.id.c_str()) == 0 &&
      jwt_set_alg(made, libjwt_name(key.algorithm), bytes(key.sign_with), static_cast<int>(key.sign_with.size())) == 0;
  const Text text(ready ? jwt_encode_str(made) : nullptr);
  ERR_clear_error();
  if (!text) return fail(ErrorCode::internal, "libjwt can't sign with " + key.file);
  return std::string(text.get());
}

}  // namespace mtmsg::auth
