// Tokens are made and looked at here, without the daemon.

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>

#include "auth/signature.hpp"
#include "auth/token_rules.hpp"
#include "cmd/command.hpp"
#include "core/nearest.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

using auth::Seconds;

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr Unit kUnits[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86'400}};
constexpr std::int64_t kLongest = 3650LL * 86'400;

std::optional<std::chrono::seconds> parse_time(std::string_view text) {
  std::int64_t value = 0;
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto rest = text.substr(static_cast<std::size_t>(stopped - text.data()));
  const auto* const unit = std::ranges::find(kUnits, rest, &Unit::name);
  if (failed != std::errc{} || unit == std::end(kUnits) || value < 1 || value > kLongest / unit->seconds)
    return std::nullopt;
  return std::chrono::seconds(value * unit->seconds);
}

std::string check_time(const std::string& text) {
  if (parse_time(text)) return {};
  return "'" + text + "' is not a time: a whole number with s, m, h or d behind it, at most 3650d";
}

std::string check_scope(const std::string& text) {
  if (auth::scope_of(text)) return {};
  const auto nearest = nearest_name(text, auth::scope_names());
  auto complaint = "'" + text + "' is not a scope";
  if (nearest) return complaint + "; did you mean " + std::string(*nearest) + "?";
  complaint += "; there are:";
  for (const auto name : auth::scope_names()) complaint.append(" ").append(name);
  return complaint;
}

std::string check_role(const std::string& text) {
  return auth::parse_role(text) ? std::string() : "'" + text + "' is not one of admin, tenant, viewer";
}

std::string check_tenant(const std::string& text) {
  if (TenantId::parse(text)) return {};
  return "'" + text + "' is not a tenant's id, which is a UUID: 'mtmsgctl tenant show NAME' tells it";
}

std::string shown(Seconds time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  char text[32] = "";
  ::gmtime_r(&seconds, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

struct IssueOptions {
  std::string key;
  std::string subject;
  std::string role;
  std::string tenant;
  std::vector<std::string> scopes;
  std::string expires_in = "1h";
  std::string not_before;
  std::string issuer;
  std::vector<std::string> audience;
};

auth::Claims claims_of(const IssueOptions& options, Seconds at) {
  auth::Claims claims;
  claims.subject = options.subject;
  claims.role = auth::parse_role(options.role).value_or(auth::Role::viewer);
  claims.tenant = TenantId::parse(options.tenant);
  for (const auto& name : options.scopes) {
    if (!claims.scopes) claims.scopes.emplace();
    if (const auto permission = auth::scope_of(name)) claims.scopes->add(*permission);
  }
  claims.issued_at = at;
  if (!options.not_before.empty())
    claims.not_before = at + parse_time(options.not_before).value_or(std::chrono::seconds(0));
  claims.expires = claims.not_before.value_or(at) + parse_time(options.expires_in).value_or(std::chrono::seconds(0));
  if (!options.issuer.empty()) claims.issuer = options.issuer;
  claims.audience = options.audience;
  return claims;
}

ExitCode issue(Context& context, const IssueOptions& options) {
  if (options.role != "admin" && options.tenant.empty())
    return context.usage_error("a token for the role " + options.role + " needs --tenant");
  if (options.role == "admin" && !options.tenant.empty())
    return context.usage_error("--tenant does not go with the role admin, which is of no tenant");
  const auto key = auth::load_key(options.key);
  if (!key) return context.usage_error(key.error().message);
  const auto claims = claims_of(options, now());
  const auto json = auth::write_claims(claims);
  if (const auto read = auth::read_claims(json); !read)
    return context.usage_error("the token: " + read.error().message);
  const auto token = auth::sign(json, *key);
  if (!token) return context.usage_error(token.error().message);
  if (context.format() == Format::table) {
    context.print_line(*token);
  } else {
    std::string out;
    wire::ObjectWriter object(out);
    object.text("token", *token).text("expires_at", shown(claims.expires));
    object.close();
    context.print({{"token", *token}, {"expires_at", shown(claims.expires)}}, out);
  }
  context.note("Valid until " + shown(claims.expires) + ". Whoever has it may use it: keep it like a password.");
  return ExitCode::done;
}

struct InspectOptions {
  std::string file = "-";
  std::string keys_dir;
  std::string issuer;
  std::string audience;
};

/// The whole of standard input, or of a file, without the blanks around it.
Result<std::string> read_token(const std::string& file, std::istream& input) {
  if (file != "-") {
    // Whoever looks at the list of processes sees the command line.
    const bool is_token = std::ranges::count(file, '.') == 2 && file.starts_with("eyJ");
    if (is_token)
      return fail(ErrorCode::invalid_argument,
                  "a token does not belong on the command line, where everybody sees it: give a file, or - and the "
                  "token on standard input");
    return read_secret_file(file, "token");
  }
  std::string text{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return fail(ErrorCode::invalid_argument, "there is no token on standard input");
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

struct Verdict {
  std::string signature = "not checked";  ///< "right" or "not checked"
  std::string verdict = "valid";          ///< or why it is refused
};

/// With keys as the daemon would say it; without, all but the signature.
Verdict judge(const auth::Token& token, const InspectOptions& options, const auth::TokenRules* rules) {
  Verdict found;
  const auto refused = [&](const Error& error) { found.verdict = error.message; };
  if (rules != nullptr) {
    if (const auto checked = rules->check(token.text, now())) {
      found.signature = "right";
    } else {
      refused(checked.error());
    }
    return found;
  }
  const auto claims = auth::read_claims(token.claims);
  if (!claims) {
    refused(claims.error());
  } else if (const auto checked = auth::check_claims(*claims, {options.issuer, options.audience, {}}, now());
             !checked) {
    refused(checked.error());
  }
  return found;
}

void print_token(Context& context, const auth::Token& token, const Verdict& found) {
  Fields fields{{"algorithm", token.algorithm}, {"key", token.key_id.value_or("")}};
  std::string expires;
  if (const auto claims = auth::read_claims(token.claims)) {
    expires = shown(claims->expires);
    fields.emplace_back("subject", claims->subject);
    fields.emplace_back("role", std::string(to_string(claims->role)));
    if (claims->tenant) fields.emplace_back("tenant_id", claims->tenant->to_string());
    if (claims->scopes) fields.emplace_back("scope", claims->scopes->to_string());
    if (claims->issuer) fields.emplace_back("issuer", *claims->issuer);
    for (const auto& each : claims->audience) fields.emplace_back("audience", each);
    if (claims->issued_at) fields.emplace_back("issued_at", shown(*claims->issued_at));
    if (claims->not_before) fields.emplace_back("not_before", shown(*claims->not_before));
    fields.emplace_back("expires_at", expires);
  } else if (wire::split_object(token.claims, "claims")) {
    fields.emplace_back("claims", token.claims);
  }
  fields.emplace_back("signature", found.signature);
  fields.emplace_back("verdict", found.verdict);
  std::string json;
  wire::ObjectWriter object(json);
  object.raw("header", token.header);
  if (wire::split_object(token.claims, "claims"))
    object.raw("claims", token.claims);
  else
    object.null("claims");
  if (!expires.empty()) object.text("expires_at", expires);
  object.text("signature", found.signature).text("verdict", found.verdict);
  object.close();
  context.print(fields, json);
}

ExitCode inspect(Context& context, const InspectOptions& options) {
  const auto text = read_token(options.file, context.around().in);
  if (!text) return context.usage_error(text.error().message);
  std::shared_ptr<const auth::TokenRules> rules;
  if (!options.keys_dir.empty()) {
    auto loaded = auth::TokenRules::load(options.keys_dir, {options.issuer, options.audience, {}});
    if (!loaded) return context.usage_error(loaded.error().message);
    rules = std::move(*loaded);
  }
  const auto token = auth::parse_token(*text);
  if (!token) {
    context.complain("this is no token that is accepted anywhere: " + token.error().message);
    return ExitCode::refused;
  }
  const auto found = judge(*token, options, rules.get());
  print_token(context, *token, found);
  if (!rules) context.note("The signature was not checked: that needs --keys-dir.");
  return found.verdict == "valid" ? ExitCode::done : ExitCode::refused;
}

void add_issue(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<IssueOptions>();
  auto& verb = add_verb(noun, "issue", "Make a token and print it; the daemon is not asked",
                        "openssl rand -hex 32 > 2026-11.HS256.key && chmod 600 2026-11.HS256.key\n"
                        "mtmsgctl token issue --key 2026-11.HS256.key --subject ops --role admin\n"
                        "mtmsgctl token issue --key 2026-11.HS256.key --subject app --role tenant \\\n"
                        "    --tenant 0190d3c4-5a6b-7c8d-9e0f-112233445566 \\\n"
                        "    --scope messages.publish --expires-in 30d > app.token");
  verb.add_option("--key", options->key, "File KID.ALG.key with a secret, or KID.ALG.pem with a private key")
      ->type_name("FILE")
      ->required();
  verb.add_option("--subject", options->subject, "Who will show it, for logs: sub")->type_name("NAME")->required();
  verb.add_option("--role", options->role, "What he is: admin, tenant or viewer")
      ->type_name("ROLE")
      ->required()
      ->check(check_role);
  verb.add_option("--tenant", options->tenant, "The id of the tenant he belongs to")
      ->type_name("ID")
      ->check(check_tenant);
  verb.add_option("--scope", options->scopes, "Narrow it to this, such as messages.read; may be given several times")
      ->type_name("SCOPE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(check_scope);
  verb.add_option("--expires-in", options->expires_in, "How long it is valid: 30m, 1h, 90d")
      ->type_name("TIME")
      ->check(check_time)
      ->capture_default_str();
  verb.add_option("--not-before", options->not_before, "It becomes valid only after this time")
      ->type_name("TIME")
      ->check(check_time);
  verb.add_option("--issuer", options->issuer, "Who makes it: iss, as auth.issuer wants it")->type_name("NAME");
  verb.add_option("--audience", options->audience, "Whom it is meant for: aud, as auth.audience wants it")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  on_chosen(verb, chosen, [options](Context& context) { return issue(context, *options); });
}

void add_inspect(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<InspectOptions>();
  auto& verb = add_verb(noun, "inspect", "Show what a token says, whether it is valid and until when",
                        "mtmsgctl token inspect app.token\n"
                        "mtmsgctl token inspect --keys-dir /etc/mtmsg/keys < app.token");
  verb.add_option("FILE", options->file, "A file with the token; -: standard input")->capture_default_str();
  verb.add_option("--keys-dir", options->keys_dir, "Check the signature, too, with the keys in this directory")
      ->type_name("DIR");
  verb.add_option("--issuer", options->issuer, "The issuer it must name")->type_name("NAME");
  verb.add_option("--audience", options->audience, "The audience it must be meant for")->type_name("NAME");
  on_chosen(verb, chosen, [options](Context& context) { return inspect(context, *options); });
}

}  // namespace

void add_token(CLI::App& noun, Action& chosen) {
  add_issue(noun, chosen);
  add_inspect(noun, chosen);
}

}  // namespace mtmsg::ctl
