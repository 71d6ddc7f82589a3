// Tokens, good ones and all kinds of hostile ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/signature.hpp"
#include "auth/token_rules.hpp"
#include "support/keys.hpp"

namespace mtmsg::auth {
namespace {

using namespace std::chrono_literals;
using test::base64url;
using test::token_of;
using testing::HasSubstr;

const std::string kSecret(64, 's');
constexpr Seconds kNow{1'800'000'000s};
constexpr auto kTenant = "0190d3c4-5a6b-7c8d-9e0f-112233445566";
const std::string kHeader = R"({"alg":"HS256","typ":"JWT","kid":"h1"})";

Key secret_key(std::string id, Algorithm algorithm, const std::string& secret = kSecret) {
  return {std::move(id), algorithm, secret, secret, "a file"};
}

/// {"sub","role","tenant_id","exp"} of a viewer, with one more member or one replaced.
std::string claims_with(const std::string& name, const std::string& value) {
  std::map<std::string, std::string> members{{"sub", "\"app\""},
                                             {"role", "\"viewer\""},
                                             {"tenant_id", '"' + std::string(kTenant) + '"'},
                                             {"exp", "1800000060"}};
  if (value.empty())
    members.erase(name);
  else
    members[name] = value;
  std::string json = "{";
  for (const auto& [key, text] : members) json += (json.size() > 1 ? ",\"" : "\"") + key + "\":" + text;
  return json + "}";
}
const std::string kClaims = claims_with("x", "1");

TokenRules rules(Expectations expected = {}) {
  return {{secret_key("h1", Algorithm::hs256), secret_key("h5", Algorithm::hs512)}, std::move(expected)};
}

/// Why it is refused; "accepted" when it is not.
std::string verdict(const std::string& token, const TokenRules& with = rules()) {
  const auto principal = with.verify(token, kNow);
  if (principal) return "accepted";
  EXPECT_EQ(principal.error().code, ErrorCode::unauthenticated);
  return principal.error().message;
}

std::string verdict_on_header(const std::string& header) {
  return verdict(token_of(header, kClaims, kSecret));
}
std::string verdict_on_claims(const std::string& claims, const TokenRules& with = rules()) {
  return verdict(token_of(kHeader, claims, kSecret), with);
}

Key key_of(Algorithm algorithm) {
  const auto name = std::string(to_string(algorithm));
  if (kind_of(algorithm) == KeyKind::secret) return secret_key(name, algorithm, std::string(64, 'k'));
  const auto pair = kind_of(algorithm) == KeyKind::rsa ? test::make_rsa_key(2048)
                                                       : test::make_ec_key(std::string(curve_of(algorithm)).c_str());
  return {name, algorithm, pair.public_pem, pair.private_pem, "a file"};
}

TEST(Token, OfEveryAlgorithmIsAcceptedWithItsKeyAndRefusedWhenOneBitOfItChanges) {
  for (const char* name : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}) {
    const auto algorithm = parse_algorithm(name).value();
    const auto key = key_of(algorithm);
    auto stranger = key_of(algorithm);
    stranger.id = key.id;
    if (kind_of(algorithm) == KeyKind::secret) stranger = secret_key(key.id, algorithm, std::string(64, 'z'));
    const auto token = sign(kClaims, key).value();
    EXPECT_EQ(verdict(token, {{key}, {}}), "accepted") << name;
    EXPECT_THAT(verdict(token, {{stranger}, {}}), HasSubstr("signature is wrong")) << name;

    const auto dot = token.rfind('.');
    auto claims = token;
    claims.replace(dot - 8, 1, claims[dot - 8] == 'A' ? "B" : "A");
    EXPECT_NE(verdict(claims, {{key}, {}}), "accepted") << name;
    auto signature = token;
    signature.replace(dot + 3, 1, signature[dot + 3] == 'A' ? "B" : "A");
    EXPECT_THAT(verdict(signature, {{key}, {}}), HasSubstr("signature is wrong")) << name;
    EXPECT_THAT(verdict(token.substr(0, dot + 1), {{key}, {}}), HasSubstr("signature is wrong")) << name;
  }
}

TEST(Token, TellsWhoShowsIt) {
  const auto principal =
      rules().verify(token_of(kHeader, claims_with("scope", R"("messages.read openid")"), kSecret), kNow).value();
  EXPECT_EQ(principal.subject, "app");
  EXPECT_EQ(principal.role, Role::viewer);
  EXPECT_EQ(principal.tenant, TenantId::parse(kTenant));
  ASSERT_TRUE(principal.scopes);
  EXPECT_EQ(principal.scopes->to_string(), "messages.read");
}

TEST(Token, SignedWithThePublicKeyAsASecretIsRefused) {
  const auto pair = test::make_rsa_key(2048);
  const TokenRules with({{"r1", Algorithm::rs256, pair.public_pem, {}, "r1.RS256.pem"}}, {});
  EXPECT_THAT(verdict(token_of(R"({"alg":"HS256","kid":"r1"})", kClaims, pair.public_pem), with),
              HasSubstr("algorithm (alg) is not the one its key is for"));
  EXPECT_THAT(verdict(token_of(R"({"alg":"HS256"})", kClaims, pair.public_pem), with), HasSubstr("names no key"));
  // The header says what the key is for, the signature is an HMAC all the same.
  EXPECT_THAT(verdict(token_of(R"({"alg":"RS256","kid":"r1"})", kClaims, pair.public_pem), with),
              HasSubstr("signature is wrong"));
}

TEST(Token, WithoutASignatureIsRefusedHoweverItIsWritten) {
  for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
    const auto header = R"({"alg":")" + std::string(alg) + R"(","kid":"h1"})";
    const auto unsigned_text = base64url(header) + '.' + base64url(kClaims);
    EXPECT_THAT(verdict(unsigned_text + '.'), HasSubstr("alg")) << alg;
    EXPECT_NE(verdict(unsigned_text), "accepted") << alg;
    EXPECT_THAT(verdict_on_header(header), HasSubstr("alg")) << alg;
    EXPECT_THAT(verdict(base64url(R"({"alg":")" + std::string(alg) + "\"}") + '.' + base64url(kClaims) + '.'),
                HasSubstr("alg"))
        << alg;
  }
}

TEST(Token, OfAKnownKeyButAnotherOfItsAlgorithmsIsRefused) {
  EXPECT_THAT(verdict_on_header(R"({"alg":"HS256","kid":"h5"})"), HasSubstr("is not the one its key is for"));
  EXPECT_THAT(verdict_on_header(R"({"alg":"hs256","kid":"h1"})"), HasSubstr("is not the one its key is for"));
}

TEST(Token, WithAHostileHeaderIsRefused) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "JSON"},
      {"7", "object"},
      {"[]", "object"},
      {"null", "object"},
      {R"("alg")", "object"},
      {"{}", "names no algorithm"},
      {R"({"kid":"h1"})", "names no algorithm"},
      {R"({"alg":256,"kid":"h1"})", "alg is not a string"},
      {R"({"alg":["HS256"],"kid":"h1"})", "alg is not a string"},
      {R"({"alg":null,"kid":"h1"})", "alg is not a string"},
      {R"({"alg":"HS256","kid":1})", "kid is not a string"},
      {R"({"alg":"HS256","kid":{"a":1}})", "kid is not a string"},
      {R"({"alg":"HS256","alg":"none","kid":"h1"})", "there twice"},
      {R"({"alg":"HS256","kid":"h1","kid":"h5"})", "there twice"},
      {"{\"alg\":\"HS256\",\"\\u0061lg\":\"none\",\"kid\":\"h1\"}", "there twice"},
      {R"({"alg":"HS256","kid":"h1","crit":["exp"]})", "crit"},
      {R"({"alg":"HS256","kid":"h1","typ":"at+jwt"})", "typ"},
      {R"({"alg":"HS256","kid":"h1","typ":1})", "typ"},
      {R"({"alg":"HS256","kid":"unknown"})", "no key of the id"},
      {R"({"alg":"HS256","kid":""})", "no key of the id"},
      {R"({"alg":"HS256","kid":"../../etc/passwd"})", "no key of the id"},
      {"{\"alg\":\"HS256\",\"kid\":\"h1\\u0000\"}", "no key of the id"},
      {R"({"alg":"PS256","kid":"h1"})", "is not the one its key is for"},
      {R"({"alg":"HS256","kid":"h1")", "JSON"},
      {R"({"alg":"HS256","kid":"h1"}{})", "JSON"},
      {"{\"alg\":\"HS256\",\"kid\":\"h1\"}\xFF", "JSON"},
      {R"({"a":)" + std::string(2000, '[') + std::string(2000, ']') + R"(,"alg":"none"})", "no key"},
      {R"({"a":)" + std::string(2500, '{') + "}", "JSON"},
      // What libjwt's own JSON reader makes of these is no matter: the token is refused.
      {R"({"alg":"HS256","kid":"h1","a":)" + std::string(2300, '[') + std::string(2300, ']') + "}", "signature"},
  };
  for (const auto& [header, why] : rows) EXPECT_THAT(verdict_on_header(header), HasSubstr(why)) << header;
}

TEST(Token, MayBringKeysInItsHeaderForNothing) {
  const auto mine = std::string(64, 'm');
  const auto header = R"({"alg":"HS256","kid":"h1","jku":"http://evil.example/keys","x5u":"http://evil.example/c",)"
                      R"("jwk":{"kty":"oct","k":")" +
                      base64url(mine) + R"("}})";
  EXPECT_THAT(verdict(token_of(header, kClaims, mine)), HasSubstr("signature is wrong"));
  EXPECT_EQ(verdict(token_of(header, kClaims, kSecret)), "accepted");
}

TEST(Token, OfABadFormIsRefused) {
  const auto good = token_of(kHeader, kClaims, kSecret);
  ASSERT_EQ(verdict(good), "accepted");
  const auto signature = good.substr(good.rfind('.') + 1);
  EXPECT_THAT(verdict(""), HasSubstr("three parts"));
  EXPECT_THAT(verdict("."), HasSubstr("three parts"));
  EXPECT_THAT(verdict(".."), HasSubstr("JSON"));
  EXPECT_THAT(verdict("..."), HasSubstr("three parts"));
  EXPECT_THAT(verdict(good + ".x"), HasSubstr("three parts"));
  EXPECT_THAT(verdict(good + "."), HasSubstr("three parts"));
  EXPECT_THAT(verdict("a.b.c.d.e"), HasSubstr("three parts"));
  EXPECT_THAT(verdict(good + "="), HasSubstr("base64url"));
  EXPECT_THAT(verdict(good + " "), HasSubstr("base64url"));
  EXPECT_THAT(verdict(good + "\n"), HasSubstr("base64url"));
  EXPECT_THAT(verdict(good + std::string(1, '\0')), HasSubstr("base64url"));
  EXPECT_THAT(verdict("*" + good), HasSubstr("base64url"));
  EXPECT_THAT(verdict("A" + good), testing::Not("accepted"));
  EXPECT_THAT(verdict(std::string(kMaxTokenBytes + 1, 'a')), HasSubstr("longer than 8192"));
  // The last character of a SHA-256's 43 carries two bits that stand for nothing.
  auto other = good;
  other.back() = static_cast<char>(other.back() + 1);
  EXPECT_NE(verdict(other), "accepted") << signature;
}

TEST(Token, WithHostileClaimsIsRefused) {
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"sub", "", "claim sub"},
      {"sub", "7", "sub is not a string"},
      {"sub", R"("")", "claim sub"},
      {"sub", R"("a\nb")", "claim sub"},
      {"sub", '"' + std::string(257, 'a') + '"', "claim sub"},
      {"role", "", "claim role"},
      {"role", R"("root")", "claim role"},
      {"role", R"("Admin")", "claim role"},
      {"role", R"(["viewer","admin"])", "role is not a string"},
      {"role", R"("admin")", "tenant_id does not go with the role admin"},
      {"tenant_id", "", "claim tenant_id"},
      {"tenant_id", R"("acme")", "tenant_id is not a UUID"},
      {"tenant_id", "7", "tenant_id is not a string"},
      {"tenant_id", "null", "tenant_id is not a string"},
      {"exp", "", "a token must expire"},
      {"exp", R"("1800000060")", "claim exp"},
      {"exp", "null", "claim exp"},
      {"exp", "true", "claim exp"},
      {"exp", "{}", "claim exp"},
      {"exp", "-1", "claim exp"},
      {"exp", "1e400", "signature is wrong"},  // libjwt's JSON reader gives up before
      {"exp", "1e300", "claim exp"},
      {"exp", "99999999999999999999", "signature is wrong"},
      {"exp", "9223372036854775807", "claim exp"},
      {"exp", "253402300800", "claim exp"},
      {"exp", "0", "expired"},
      {"exp", "1800000000", "expired"},
      {"nbf", R"("now")", "claim nbf"},
      {"nbf", "1800000001", "not valid yet"},
      {"nbf", "-5", "claim nbf"},
      {"iat", "[]", "claim iat"},
      {"iss", "7", "iss is not a string"},
      {"aud", "7", "aud is not an array of strings"},
      {"aud", R"(["a",7])", "aud is not an array of strings"},
      {"scope", "[]", "scope is not a string"},
      {"scopes", R"("messages.read")", "scopes is not an array of strings"},
      {"scopes", R"([["messages.read"]])", "scopes is not an array of strings"},
      {"scopes", R"([],"scope":"messages.read")", "stands beside the claim scope"},
      {"x", R"(1,"role":"admin")", "there twice"},
      {"x", R"(1,"exp":1900000000)", "there twice"},
      {"x", std::string(2300, '[') + std::string(2300, ']'), "signature is wrong"},
  };
  for (const auto& [name, value, why] : rows)
    EXPECT_THAT(verdict_on_claims(claims_with(name, value)), HasSubstr(why)) << name << " " << value;
  EXPECT_NE(verdict_on_claims("[]"), "accepted");
  EXPECT_NE(verdict_on_claims("7"), "accepted");
  EXPECT_NE(verdict_on_claims(""), "accepted");
}

TEST(Token, MayHaveClaimsNobodyKnowsAndTimesWithAFraction) {
  EXPECT_EQ(verdict_on_claims(claims_with("email", R"({"a":[1,2.5,null]})")), "accepted");
  EXPECT_EQ(verdict_on_claims(claims_with("exp", "1800000060.75")), "accepted");
  EXPECT_EQ(verdict_on_claims(claims_with("exp", "1.80000006e9")), "accepted");
}

TEST(Token, IsGivenALeewayAtBothEndsAndNotASecondMore) {
  const auto with = rules({"", "", 30s});
  EXPECT_EQ(verdict_on_claims(claims_with("exp", "1799999971"), with), "accepted");
  EXPECT_THAT(verdict_on_claims(claims_with("exp", "1799999970"), with), HasSubstr("expired"));
  EXPECT_EQ(verdict_on_claims(claims_with("nbf", "1800000030"), with), "accepted");
  EXPECT_THAT(verdict_on_claims(claims_with("nbf", "1800000031"), with), HasSubstr("not valid yet"));
}

TEST(Token, IsOfTheIssuerAndForTheAudienceThatAreConfigured) {
  const auto with = rules({"https://id.example", "mtmsg", 0s});
  const auto claims = [](const std::string& iss, const std::string& aud) {
    return claims_with("iss", iss).substr(0, claims_with("iss", iss).size() - 1) + ",\"aud\":" + aud + "}";
  };
  EXPECT_EQ(verdict_on_claims(claims(R"("https://id.example")", R"("mtmsg")"), with), "accepted");
  EXPECT_EQ(verdict_on_claims(claims(R"("https://id.example")", R"(["other","mtmsg"])"), with), "accepted");
  EXPECT_THAT(verdict_on_claims(claims(R"("https://id.example/")", R"("mtmsg")"), with), HasSubstr("iss"));
  EXPECT_THAT(verdict_on_claims(claims(R"("https://id.example")", R"("mtmsg2")"), with), HasSubstr("aud"));
  EXPECT_THAT(verdict_on_claims(claims(R"("https://id.example")", "[]"), with), HasSubstr("aud"));
  EXPECT_THAT(verdict_on_claims(kClaims, with), HasSubstr("iss"));
}

TEST(Token, WithoutAKeysNameIsForTheOnlyKeyOfItsAlgorithm) {
  const auto nameless = token_of(R"({"alg":"HS256"})", kClaims, kSecret);
  EXPECT_EQ(verdict(nameless), "accepted");
  const TokenRules two({secret_key("h1", Algorithm::hs256), secret_key("h2", Algorithm::hs256)}, {});
  EXPECT_THAT(verdict(nameless, two), HasSubstr("there are several"));
  const TokenRules other({secret_key("h5", Algorithm::hs512)}, {});
  EXPECT_THAT(verdict(nameless, other), HasSubstr("there is none of its algorithm"));
}

TEST(Token, ScopesThatAreNotOursGrantNothing) {
  const auto scopes = [](const std::string& name, const std::string& value) {
    const auto principal = rules().verify(token_of(kHeader, claims_with(name, value), kSecret), kNow).value();
    return principal.scopes ? principal.scopes->to_string() : "all of the role";
  };
  EXPECT_EQ(scopes("x", "1"), "all of the role");
  EXPECT_EQ(scopes("scope", R"("")"), "");
  EXPECT_EQ(scopes("scope", R"("openid  email")"), "");
  EXPECT_EQ(scopes("scope", R"("dead_letters messages.read")"), "messages.read dead_letters");
  EXPECT_EQ(scopes("scopes", R"(["messages.read","x"])"), "messages.read");
  EXPECT_EQ(scopes("scopes", "[]"), "");
}

TEST(Claims, AreReadAsTheyWereWritten) {
  Claims claims;
  claims.subject = "a \"b\"";
  claims.role = Role::tenant;
  claims.tenant = TenantId::parse(kTenant);
  claims.scopes.emplace().add(Permission::publish);
  claims.expires = kNow;
  claims.not_before = kNow - 5s;
  claims.issuer = "i";
  claims.audience = {"a", "b"};
  const auto read = read_claims(write_claims(claims)).value();
  EXPECT_EQ(write_claims(read), write_claims(claims));
  EXPECT_EQ(read.audience, claims.audience);
  EXPECT_EQ(read.scopes, claims.scopes);
}

}  // namespace
}  // namespace mtmsg::auth
