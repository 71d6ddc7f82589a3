#include "http/challenge.hpp"

#include <algorithm>

#include "auth/permission.hpp"
#include "http/ascii.hpp"
#include "http/web_page.hpp"

namespace mtmsg::http {
namespace {

constexpr std::string_view kRealm = R"(Bearer realm="mtmsg")";
constexpr std::size_t kMaxDescription = 200;

/// RFC 6750, 3: error_description is of printable ASCII without quotes and backslashes.
std::string description(std::string_view text) {
  std::string out(text.substr(0, kMaxDescription));
  for (auto& c : out)
    if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') c = c == '"' ? '\'' : '?';
  return out;
}

}  // namespace

boost::system::result<auth::Principal, Problem> identify(const auth::Authenticator& authenticator,
                                                         const Request& request) {
  const auto shown = std::ranges::count_if(request.headers,
                                           [](const HeaderLine& line) { return iequals(line.name, "Authorization"); });
  if (shown > 1) return Problem(fail(ErrorCode::invalid_argument, "there are several headers Authorization"));
  auto known = authenticator.authenticate(request.peer, request.header("Authorization"));
  if (known) return std::move(*known);
  Problem problem(known.error());
  problem.challenge = kRealm;
  if (shown == 1)
    problem.challenge += R"(, error="invalid_token", error_description=")" + description(problem.detail) + '"';
  return problem;
}

std::optional<Problem> foreign_page(const auth::Authenticator& authenticator, const Request& request,
                                    const Cors* cors) {
  if (!authenticator.admits_by_place(request.peer)) return std::nullopt;
  const auto origin = request.header("Origin");
  if (!may_be_foreign_page(request.header("Host"), cors != nullptr && cors->allows(origin) ? "" : origin))
    return std::nullopt;
  return Problem(fail(ErrorCode::forbidden,
                      "with auth.mode = \"none\" the daemon is asked as localhost or by its address, and not by other "
                      "origins' web pages; see http.cors_origins"));
}

Problem forbidden(const auth::Principal& principal, auth::Permission permission) {
  const auto scope = std::string(auth::scope_name(permission));
  if (!auth::permits(principal.role, permission))
    return fail(ErrorCode::forbidden, "this needs " + scope + ", which the role " +
                                          std::string(auth::to_string(principal.role)) + " does not have");
  Problem problem(fail(ErrorCode::forbidden, "this needs the scope " + scope + ", which the token does not have"));
  problem.challenge = std::string(kRealm) + R"(, error="insufficient_scope", scope=")" + scope + '"';
  return problem;
}

}  // namespace mtmsg::http
