#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "auth/permission.hpp"
#include "auth/principal.hpp"
#include "domain/tenant.hpp"
#include "http/exchange.hpp"
#include "http/services.hpp"
#include "http/target.hpp"

namespace mtmsg::http {

using Answer = boost::system::result<Response, Problem>;

/// What a handler tells the audit log (audit.hpp) besides what the dispatcher knows.
struct AuditNote {
  /// A JSON object: what was asked for, and what came of it. Never a payload or a secret.
  std::string detail;
  enum class Outcome {
    change,
    only_asked,  ///< a dry run: nothing to write down
  } outcome = Outcome::change;
};

/// A request on its way through a handler, with what the dispatcher found out about it.
struct Context {
  const Services& services;
  Request& request;
  const Target& target;
  const auth::Principal& principal;
  std::optional<Tenant> tenant;  ///< set on every route with {t}; the principal may do to it what the route permits
  std::string_view id;           ///< what stands for {id}
  std::string_view seq;          ///< what stands for {seq}
  std::string_view file;         ///< what stands for {file}
  AuditNote note = {};

  /// For reads: what the caller may see, whatever the address says.
  store::Reader reader() const {
    if (principal.role == auth::Role::admin) return store::Reader::everybody();
    return store::Reader::of(principal.tenant.value_or(TenantId{}));
  }
  std::string_view parameter(std::string_view name) const { return target.parameter(name).value_or(""); }
};

/// What a route does to what is stored.
enum class Effect {
  reads,
  sends,    ///< messages: traffic, which is counted, not written down
  changes,  ///< administration: goes into the audit log, under the row's `action`
};

/// Where a route's {t} is looked up.
enum class TenantFrom {
  database,
  memory_in_need,  ///< while the database is away, as it was last seen
};

/// One row holds everything about a route.
struct Route {
  std::string_view method;
  std::string_view pattern;  ///< segments; {t} is a tenant's id or name, {id} a message's id or an orphan's, {seq} a
                             ///< number, {file} a name
  auth::Permission permission;
  std::string_view parameters;  ///< the query parameters there are, with a blank between them
  Answer (*handler)(Context&);
  std::string_view help;
  Effect effect = Effect::reads;
  std::string_view action = {};  ///< stable, NOUN.VERB, where it changes something
  TenantFrom tenant_from = TenantFrom::database;
};

std::span<const Route> routes() noexcept;

/// The rows whose pattern fits, whatever their method.
std::vector<const Route*> routes_for(const Target& target);
/// The segment that stands for `name` ("{t}"), or empty.
std::string_view captured(const Route& route, const Target& target, std::string_view name);
/// Is `name` a query parameter of the route?
bool takes_parameter(const Route& route, std::string_view name) noexcept;

}  // namespace mtmsg::http
