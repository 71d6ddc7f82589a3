// The claims of a token: reading, writing and checking them (token.hpp).

#include <algorithm>
#include <charconv>
#include <cmath>

#include "auth/token.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::auth {
namespace {

constexpr std::size_t kMaxSubjectBytes = 256;
constexpr double kLastSecond = 253'402'300'799;  // of the year 9999

Error bad_claims(std::string why) {
  return fail(ErrorCode::invalid_argument, std::move(why));
}

/// Takes the claims by name and type; the first error is kept.
class Reader {
 public:
  explicit Reader(std::string_view json) {
    auto members = wire::split_object(json, "its claims");
    if (members)
      members_ = std::move(*members);
    else
      error_ = members.error();
  }

  std::optional<std::string> text(std::string_view name) {
    const auto raw = find(name);
    if (!raw) return std::nullopt;
    auto value = wire::decode_json_string(*raw);
    if (!value) refuse(name, "is not a string");
    return value;
  }

  /// NumericDate (RFC 7519, 2): seconds, perhaps with a fraction.
  std::optional<Seconds> time(std::string_view name) {
    const auto raw = find(name);
    if (!raw) return std::nullopt;
    double value = 0;
    const auto* const end = raw->data() + raw->size();
    const auto [stopped, failed] = std::from_chars(raw->data(), end, value);
    if (failed == std::errc{} && stopped == end && value >= 0 && value <= kLastSecond)
      return Seconds(std::chrono::seconds(static_cast<std::int64_t>(std::floor(value))));
    refuse(name, "is not a time in seconds since 1970");
    return std::nullopt;
  }

  /// One string, or an array of strings.
  std::optional<std::vector<std::string>> texts(std::string_view name, bool one_is_enough) {
    const auto raw = find(name);
    if (!raw) return std::nullopt;
    if (auto one = wire::decode_json_string(*raw); one && one_is_enough) return std::vector{std::move(*one)};
    std::vector<std::string> values;
    const auto elements = wire::split_array(*raw, name);
    for (const auto element : elements ? *elements : std::vector<std::string_view>{"not a string"}) {
      auto value = wire::decode_json_string(element);
      if (!value) {
        refuse(name, "is not an array of strings");
        return std::nullopt;
      }
      values.push_back(std::move(*value));
    }
    return values;
  }

  void refuse(std::string_view name, std::string_view why) {
    if (!error_) error_ = bad_claims("its claim " + std::string(name) + ' ' + std::string(why));
  }
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  std::optional<std::string_view> find(std::string_view name) {
    const auto found = std::ranges::find(members_, name, &wire::RawMember::key);
    return found != members_.end() ? std::optional(found->raw) : std::nullopt;
  }

  std::vector<wire::RawMember> members_;
  std::optional<Error> error_;
};

bool fits_subject(std::string_view subject) noexcept {
  return !subject.empty() && subject.size() <= kMaxSubjectBytes && wire::is_utf8(subject) &&
         std::ranges::none_of(subject, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

std::string read_subject(Reader& reader) {
  auto subject = reader.text("sub").value_or("");
  if (!fits_subject(subject)) reader.refuse("sub", "is not there, or not 1 to 256 bytes without control characters");
  return subject;
}

Role read_role(Reader& reader) {
  const auto role = parse_role(reader.text("role").value_or(""));
  if (!role) reader.refuse("role", "is not one of admin, tenant and viewer");
  return role.value_or(Role::viewer);
}

std::optional<TenantId> read_tenant(Reader& reader, Role role) {
  const auto text = reader.text("tenant_id");
  if (!text && role != Role::admin) reader.refuse("tenant_id", "is not there, which a tenant and a viewer need");
  if (!text) return std::nullopt;
  if (role == Role::admin) reader.refuse("tenant_id", "does not go with the role admin, which is of no tenant");
  const auto tenant = TenantId::parse(*text);
  if (!tenant) reader.refuse("tenant_id", "is not a UUID");
  return tenant;
}

void add_scope(Scopes& scopes, std::string_view name) {
  if (const auto permission = scope_of(name)) scopes.add(*permission);
}

std::optional<Scopes> read_scopes(Reader& reader) {
  const auto line = reader.text("scope");
  const auto list = reader.texts("scopes", false);
  if (line && list) reader.refuse("scopes", "stands beside the claim scope: give one of them");
  if (!line && !list) return std::nullopt;
  Scopes scopes;
  for (const auto& name : list.value_or(std::vector<std::string>{})) add_scope(scopes, name);
  auto rest = std::string_view(line ? *line : std::string_view());
  while (!rest.empty()) {
    const auto name = rest.substr(0, rest.find(' '));
    add_scope(scopes, name);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return scopes;
}

}  // namespace

Result<Claims> read_claims(std::string_view json) {
  Reader reader(json);
  Claims claims;
  claims.subject = read_subject(reader);
  claims.role = read_role(reader);
  claims.tenant = read_tenant(reader, claims.role);
  claims.scopes = read_scopes(reader);
  const auto expires = reader.time("exp");
  if (!expires) reader.refuse("exp", "is not there: a token must expire");
  claims.expires = expires.value_or(Seconds{});
  claims.not_before = reader.time("nbf");
  claims.issued_at = reader.time("iat");
  claims.issuer = reader.text("iss");
  claims.audience = reader.texts("aud", true).value_or(std::vector<std::string>{});
  if (reader.error()) return *reader.error();
  return claims;
}

std::string write_claims(const Claims& claims) {
  std::string json;
  wire::ObjectWriter object(json);
  object.text("sub", claims.subject).text("role", to_string(claims.role));
  if (claims.tenant) object.text("tenant_id", claims.tenant->to_string());
  if (claims.scopes) object.text("scope", claims.scopes->to_string());
  if (claims.issuer) object.text("iss", *claims.issuer);
  if (claims.audience.size() == 1) object.text("aud", claims.audience.front());
  if (claims.audience.size() > 1) wire::append_array(object.value("aud"), claims.audience, wire::append_json_string);
  if (claims.issued_at) object.number("iat", claims.issued_at->time_since_epoch().count());
  if (claims.not_before) object.number("nbf", claims.not_before->time_since_epoch().count());
  object.number("exp", claims.expires.time_since_epoch().count());
  object.close();
  return json;
}

Result<void> check_claims(const Claims& claims, const Expectations& expected, Seconds now) {
  if (now >= claims.expires + expected.leeway) return bad_claims("it has expired");
  if (claims.not_before && now < *claims.not_before - expected.leeway) return bad_claims("it is not valid yet (nbf)");
  if (!expected.issuer.empty() && claims.issuer != expected.issuer)
    return bad_claims("its issuer (iss) is not the one wanted");
  if (!expected.audience.empty() && std::ranges::find(claims.audience, expected.audience) == claims.audience.end())
    return bad_claims("it is not meant for this service (aud)");
  return {};
}

}  // namespace mtmsg::auth
