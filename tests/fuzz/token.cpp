// Tokens: what is read has one form, and nobody gets in but with a token that was made here.

#include <algorithm>
#include <string>
#include <vector>

#include "auth/signature.hpp"
#include "auth/token_rules.hpp"
#include "fuzz/fuzz.hpp"

namespace mtmsg::fuzz {
namespace {

using namespace mtmsg::auth;

constexpr std::string_view kGoodClaims =
    R"({"sub":"a","role":"viewer","tenant_id":"018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f","exp":4000000000,)"
    R"("nbf":1,"iat":1,"iss":"i","aud":["x","y"],"scope":"messages.read"})";
constexpr std::string_view kAdminClaims = R"({"sub":"root","role":"admin","exp":4000000000})";

/// Each a token's form without a signature that is right, or claims alone.
constexpr std::string_view kOthers[] = {kGoodClaims,
                                        kAdminClaims,
                                        "eyJhbGciOiJub25lIn0.e30.",
                                        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
                                        R"({"alg":"HS256","kid":"one","crit":["exp"]})",
                                        R"({"sub":"a","sub":"b","role":"admin","exp":1e99})"};
constexpr std::string_view kWords[] = {".",       "=",        "eyJ",      "none",    "HS256",
                                       "RS256",   "\"kid\":", "\"alg\":", "e30.",    "\"exp\"",
                                       "\"aud\"", "-1",       "1e400",    "\\u0000", "\"role\":\"admin\"",
                                       "[["};

Key secret(std::string id, Algorithm algorithm) {
  const std::string bytes(64, static_cast<char>(id.front()));
  return {std::move(id), algorithm, bytes, bytes, {}};
}

const std::vector<Key>& keys() {
  static const std::vector<Key> all{secret("one", Algorithm::hs256), secret("two", Algorithm::hs512)};
  return all;
}

/// The tokens that may get in.
const std::vector<std::string>& made() {
  static const auto all = [] {
    std::vector<std::string> tokens;
    for (const auto& key : keys())
      for (const auto claims : {kGoodClaims, kAdminClaims}) tokens.push_back(sign(std::string(claims), key).value());
    return tokens;
  }();
  return all;
}

}  // namespace

std::span<const std::string_view> seeds() noexcept {
  static const auto all = [] {
    std::vector<std::string_view> seeds(made().begin(), made().end());
    seeds.insert(seeds.end(), std::begin(kOthers), std::end(kOthers));
    return seeds;
  }();
  return all;
}
std::span<const std::string_view> words() noexcept {
  return kWords;
}

}  // namespace mtmsg::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mtmsg;
  using fuzz::require;
  static const auth::TokenRules rules(fuzz::keys(), {});
  const auth::Seconds now{std::chrono::seconds(2'000'000'000)};
  const auto text = fuzz::text_of(data, size);
  if (const auto token = auth::parse_token(text)) {
    require(token->text == text, "a token is what was sent");
    require(std::ranges::count(text, '.') == 2, "a token has three parts");
  }
  if (const auto claims = auth::read_claims(text)) {
    const auto again = auth::read_claims(auth::write_claims(*claims));
    require(again && auth::write_claims(*again) == auth::write_claims(*claims), "claims are written as they are read");
    require(claims->tenant.has_value() == (claims->role != auth::Role::admin), "all but admins have a tenant");
  }
  const bool made_here = std::ranges::find(fuzz::made(), text) != fuzz::made().end();
  require(rules.verify(text, now).has_value() == made_here, "only a token that was made here gets in");
  return 0;
}
