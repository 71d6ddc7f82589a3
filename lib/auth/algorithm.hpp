#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mtmsg::auth {

/// How a token is signed (RFC 7518, 3.1). There is no "none".
enum class Algorithm : std::uint8_t { hs256, hs384, hs512, rs256, rs384, rs512, es256, es384, es512 };

enum class KeyKind {
  secret,  ///< HMAC: the same bytes sign and verify
  rsa,
  ec,
};

/// "HS256" and so on, exactly so written.
std::string_view to_string(Algorithm algorithm) noexcept;
std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept;

KeyKind kind_of(Algorithm algorithm) noexcept;
/// HMAC: as many bytes as the hash has (RFC 7518, 3.2).
std::size_t least_secret_bytes(Algorithm algorithm) noexcept;
/// ES*: the one curve that goes with it (RFC 7518, 3.4), as OpenSSL calls it.
std::string_view curve_of(Algorithm algorithm) noexcept;

}  // namespace mtmsg::auth
