#pragma once

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/signature.hpp"
#include "auth/token.hpp"
#include "core/ids.hpp"
#include "http/routes.hpp"
#include "support/paths.hpp"

/// Who may do what: tests/PERMISSIONS.md says it, and tests walk the table of routes with every caller and compare.
namespace mtmsg::test {

/// A column of the matrix.
enum class Caller { no_token, expired, wrong_key, foreign, viewer, tenant, scoped, admin, unix_peer };

struct CallerRow {
  Caller caller;
  std::string_view name;
};
inline constexpr CallerRow kCallers[] = {
    {Caller::no_token, "no token"},
    {Caller::expired, "expired"},
    {Caller::wrong_key, "wrong key"},
    {Caller::foreign, "other tenant"},
    {Caller::viewer, "viewer"},
    {Caller::tenant, "tenant"},
    {Caller::scoped, "tenant, scope messages.read"},
    {Caller::admin, "admin"},
    {Caller::unix_peer, "unix socket"},
};

/// What a caller of this kind shows; nothing for those without a token. `mine` is the tenant of the routes' {t}.
inline std::optional<std::string> token_for(Caller caller, const auth::Key& key, TenantId mine, TenantId other,
                                            auth::Seconds now) {
  if (caller == Caller::no_token || caller == Caller::unix_peer) return std::nullopt;
  auth::Claims claims;
  claims.subject = "matrix";
  claims.role = caller == Caller::viewer ? auth::Role::viewer : auth::Role::tenant;
  claims.tenant = caller == Caller::foreign ? other : mine;
  claims.expires = now + std::chrono::hours(caller == Caller::expired ? -1 : 1);
  if (caller == Caller::scoped) claims.scopes.emplace().add(auth::Permission::read_messages);
  // The strongest token there could be is what is refused when it is expired or signed with something else.
  if (caller == Caller::admin || caller == Caller::expired || caller == Caller::wrong_key) {
    claims.role = auth::Role::admin;
    claims.tenant.reset();
  }
  auto with = key;
  if (caller == Caller::wrong_key) with.sign_with = std::string(64, 'w');
  return auth::sign(auth::write_claims(claims), with).value();
}

/// The route's address, with these for its parts. Nobody deletes the tenant: the handler is reached, and refuses.
inline std::string target_of(const http::Route& route, const std::map<std::string, std::string>& parts) {
  std::string target(route.pattern);
  for (const auto& [part, value] : parts)
    if (const auto at = target.find(part); at != std::string::npos) target.replace(at, part.size(), value);
  if (route.method == "DELETE" && route.pattern == "/tenants/{t}") target += "?if_empty=perhaps";
  return target;
}

inline std::string route_name(const http::Route& route) {
  return std::string(route.method) + ' ' + std::string(route.pattern);
}

inline std::string matrix_head() {
  std::string head = "| route | needs |";
  std::string line = "|---|---|";
  for (const auto& row : kCallers) {
    head += ' ' + std::string(row.name) + " |";
    line += "---|";
  }
  return head + '\n' + line + '\n';
}

/// `cells`: "yes", or the status of the refusal, for each of kCallers.
inline std::string matrix_row(const http::Route& route, const std::vector<std::string>& cells) {
  const auto scope = auth::scope_name(route.permission);
  auto text = "| `" + route_name(route) + "` | " + (scope.empty() ? "nothing" : std::string(scope)) + " |";
  for (const auto& cell : cells) text += ' ' + cell + " |";
  return text + '\n';
}

inline const std::string kMatrixFile = MTMSG_SOURCE_DIR "/tests/PERMISSIONS.md";

inline std::string written_matrix() {
  std::ifstream file(kMatrixFile, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The cells that were written for a route, in the order of kCallers; none when it has no row.
inline std::vector<std::string> written_cells(const std::string& matrix, const http::Route& route) {
  const auto begin = matrix.find("| `" + route_name(route) + "` |");
  if (begin == std::string::npos) return {};
  auto line = std::string_view(matrix).substr(begin);
  line = line.substr(0, line.find('\n'));
  std::vector<std::string> cells;
  while (line.size() > 2) {
    line.remove_prefix(2);
    const auto end = line.find(" |");
    if (end == std::string_view::npos) break;
    cells.emplace_back(line.substr(0, end));
    line.remove_prefix(end + 1);
  }
  if (cells.size() < 2) return {};
  cells.erase(cells.begin(), cells.begin() + 2);
  return cells;
}

}  // namespace mtmsg::test
