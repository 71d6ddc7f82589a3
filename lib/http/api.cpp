#include "http/api.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "http/audit.hpp"
#include "http/caller_limits.hpp"
#include "http/challenge.hpp"
#include "http/cors.hpp"
#include "http/explain_handler.hpp"
#include "http/idempotency.hpp"
#include "http/routes.hpp"

namespace mtmsg::http {
namespace {

const Route* with_method(const std::vector<const Route*>& candidates, std::string_view method) {
  for (const auto* route : candidates)
    if (route->method == method) return route;
  return nullptr;
}

/// "POST, GET, HEAD"
std::string methods_of(const std::vector<const Route*>& candidates) {
  std::string methods;
  for (const auto* route : candidates) {
    methods += methods.empty() ? "" : ", ";
    methods += route->method;
    if (route->method == "GET") methods += ", HEAD";
  }
  return methods;
}

Problem no_route(const std::vector<const Route*>& candidates) {
  if (candidates.empty()) return fail(ErrorCode::not_found, "there is nothing at this address");
  Problem problem(405, "method_not_allowed", "this address does not take this method");
  problem.allow = methods_of(candidates);
  return problem;
}

Problem too_often(std::string detail, CallerLimits::Wait wait) {
  Problem problem(fail(ErrorCode::rate_limited, std::move(detail)));
  problem.retry_after = std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(wait));
  return problem;
}

std::optional<Error> unknown_parameter(const Route& route, const Target& target) {
  for (const auto& [name, value] : target.parameters)
    if (!takes_parameter(route, name))
      return fail(ErrorCode::invalid_argument, "there is no query parameter \"" + name.substr(0, 64) + "\" here");
  return std::nullopt;
}

/// While the database is away. Somebody else's tenant answers as one that nobody remembers.
Result<Tenant> recall_tenant(const Services& services, const Route& route, const auth::Principal& principal,
                             std::string_view name) {
  auto tenant = services.tenants.recall(name);
  if (tenant && auth::permits(principal, route.permission, tenant->id)) return std::move(*tenant);
  return fail(ErrorCode::database_unavailable,
              "the database is away, and this daemon has not seen such a tenant since it started");
}

/// Somebody else's tenant answers as one that does not exist.
Result<Tenant> find_tenant(const Services& services, const Route& route, const auth::Principal& principal,
                           std::string_view name) {
  const bool may_recall = route.tenant_from == TenantFrom::memory_in_need;
  // A database that is frozen would keep the caller waiting.
  if (may_recall && !database_trouble(services.readiness()).empty())
    return recall_tenant(services, route, principal, name);
  auto tenant = services.tenants.find(name);
  if (!tenant && may_recall && tenant.error().code == ErrorCode::database_unavailable)
    return recall_tenant(services, route, principal, name);
  if (!tenant && tenant.error().code != ErrorCode::not_found) return tenant.error();
  if (!tenant || !auth::permits(principal, route.permission, tenant->id))
    return fail(ErrorCode::not_found, "tenant \"" + std::string(name.substr(0, 64)) + "\" does not exist");
  return tenant;
}

/// What went wrong inside names hosts, tables and files: for the operator only.
void hide_internals(Problem& problem, const auth::Principal& principal) {
  if (problem.code == error_code_name(ErrorCode::internal))
    problem.detail = "an internal error; the daemon's log has it";
  else if (problem.status >= 500 && principal.role != auth::Role::admin)
    problem.detail = "the service cannot do this at the moment";
}

/// Also of a handler that fails half way it is written down that it was called.
Answer handle_audited(const Route& route, Context& context) {
  try {
    auto answer = route.handler(context);
    audit(route, context, answer ? answer->status : answer.error().status, answer ? "" : answer.error().code);
    return answer;
  } catch (...) {
    audit(route, context, 500, error_code_name(ErrorCode::internal));
    throw;
  }
}

}  // namespace

Api::Api(Services services, auth::Authenticator authenticator)
    : services_(std::move(services)), authenticator_(authenticator) {}

Response Api::handle(Request& request) const {
  const auto target = parse_target(request.target);
  auto answer = target ? dispatch(request, *target) : Answer(Problem(target.error()));
  if (answer) return std::move(*answer);
  auto problem = answer.error();
  problem.request_id = request.id;
  request.facts.code = problem.code;
  return Response::of(problem);
}

boost::system::result<auth::Principal, Problem> Api::identify(const Request& request) const {
  auto* const callers = services_.callers;
  const auto shown = request.header("Authorization");
  if (callers != nullptr && !shown.empty())
    if (const auto wait = callers->held_back(request.peer))
      return too_often("too many wrong credentials came from this address; try again later", *wait);
  if (auto page = foreign_page(authenticator_, request, services_.cors)) return std::move(*page);
  auto known = http::identify(authenticator_, request);
  if (!known) {
    if (callers != nullptr && !shown.empty()) callers->failed(request.peer);
    return known.error();
  }
  if (callers != nullptr)
    if (const auto wait = callers->take(request.peer, known->subject))
      return too_often("these credentials may ask " + std::to_string(callers->request_rate()) +
                           " times a second (auth.rate_limit); try again later",
                       *wait);
  return std::move(*known);
}

Answer Api::dispatch(Request& request, const Target& target) const {
  const auto candidates = routes_for(target);
  const auto* route = with_method(candidates, request.method);
  if (route) request.facts.route = route->pattern;
  if (services_.cors != nullptr && !candidates.empty() && services_.cors->is_preflight(request))
    return Cors::preflight(methods_of(candidates));
  auth::Principal principal;
  if (!route || route->permission != auth::Permission::none) {
    auto known = identify(request);
    if (!known) return known.error();
    principal = std::move(*known);
    request.facts.subject = principal.subject;
  }
  if (!route) return no_route(candidates);
  if (route->permission != auth::Permission::none && services_.stopping())
    return Problem(fail(ErrorCode::stopping, "the daemon is stopping"));
  if (auto unknown = unknown_parameter(*route, target)) return Problem(*unknown);
  if (!auth::permits(principal, route->permission)) return forbidden(principal, route->permission);

  if (request.method == "POST")
    if (const auto key = idempotency_key(request); !key) return Problem(key.error());

  Context context{services_,
                  request,
                  target,
                  principal,
                  std::nullopt,
                  captured(*route, target, "{id}"),
                  captured(*route, target, "{seq}"),
                  captured(*route, target, "{file}")};
  return run(*route, context);
}

Answer Api::run(const Route& route, Context& context) const {
  auto answer = [&]() -> Answer {
    if (const auto name = captured(route, context.target, "{t}"); !name.empty()) {
      auto tenant = find_tenant(services_, route, context.principal, name);
      if (!tenant) return Problem(tenant.error());
      context.tenant = std::move(*tenant);
    }
    return handle_audited(route, context);
  }();
  return finish(route, context.principal, context.request, std::move(answer));
}

/// An answer that comes later is finished when it comes.
Answer Api::finish(const Route& route, const auth::Principal& principal, const Request& request, Answer answer) const {
  if (answer && answer->later) {
    auto& resume = answer->later->resume;
    resume = [this, &route, principal, first = std::move(resume)](Later::Why why, Request& again) -> Answer {
      again.facts.route = route.pattern;
      again.facts.subject = principal.subject;
      return finish(route, principal, again, first(why, again));
    };
  }
  if (answer) return answer;
  auto problem = answer.error();
  if (problem.status >= 500 && services_.on_failure)
    services_.on_failure({route.pattern, problem.code, problem.detail, request.id, request.trace.parent});
  hide_internals(problem, principal);
  return problem;
}

}  // namespace mtmsg::http
