#include "auth/algorithm.hpp"

#include <algorithm>
#include <iterator>

namespace mtmsg::auth {
namespace {

struct Row {
  std::string_view name;
  KeyKind kind;
  std::size_t secret_bytes;
  std::string_view curve;
};

/// In the enum's order.
constexpr Row kRows[] = {
    {"HS256", KeyKind::secret, 32, ""},      {"HS384", KeyKind::secret, 48, ""},
    {"HS512", KeyKind::secret, 64, ""},      {"RS256", KeyKind::rsa, 0, ""},
    {"RS384", KeyKind::rsa, 0, ""},          {"RS512", KeyKind::rsa, 0, ""},
    {"ES256", KeyKind::ec, 0, "prime256v1"}, {"ES384", KeyKind::ec, 0, "secp384r1"},
    {"ES512", KeyKind::ec, 0, "secp521r1"},
};

const Row& row_of(Algorithm algorithm) noexcept {
  return kRows[static_cast<std::size_t>(algorithm)];
}

}  // namespace

std::string_view to_string(Algorithm algorithm) noexcept {
  return row_of(algorithm).name;
}

std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(std::begin(kRows), std::end(kRows), [name](const Row& row) { return row.name == name; });
  if (found == std::end(kRows)) return std::nullopt;
  return static_cast<Algorithm>(found - std::begin(kRows));
}

KeyKind kind_of(Algorithm algorithm) noexcept {
  return row_of(algorithm).kind;
}

std::size_t least_secret_bytes(Algorithm algorithm) noexcept {
  return row_of(algorithm).secret_bytes;
}

std::string_view curve_of(Algorithm algorithm) noexcept {
  return row_of(algorithm).curve;
}

}  // namespace mtmsg::auth
