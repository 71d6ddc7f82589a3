#include "http/api.hpp"

#include <optional>
#include <string>

#include "http/challenge.hpp"
#include "http/routes.hpp"

namespace mtmsg::http {
namespace {

const Route* with_method(const std::vector<const Route*>& candidates, std::string_view method) {
  for (const auto* route : candidates)
    if (route->method == method) return route;
  return nullptr;
}

Problem no_route(const std::vector<const Route*>& candidates) {
  if (candidates.empty()) return fail(ErrorCode::not_found, "there is nothing at this address");
  Problem problem(405, "method_not_allowed", "this address does not take this method");
  for (const auto* route : candidates) {
    problem.allow += problem.allow.empty() ? "" : ", ";
    problem.allow += route->method;
    if (route->method == "GET") problem.allow += ", HEAD";
  }
  return problem;
}

std::optional<Error> unknown_parameter(const Route& route, const Target& target) {
  for (const auto& [name, value] : target.parameters)
    if (!takes_parameter(route, name))
      return fail(ErrorCode::invalid_argument, "there is no query parameter \"" + name.substr(0, 64) + "\" here");
  return std::nullopt;
}

/// Somebody else's tenant answers as one that does not exist.
Result<Tenant> find_tenant(const Services& services, const Route& route, const auth::Principal& principal,
                           std::string_view name) {
  auto tenant = services.tenants.find(name);
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

}  // namespace

Api::Api(Services services, auth::Authenticator authenticator)
    : services_(std::move(services)), authenticator_(authenticator) {}

Response Api::handle(Request& request) const {
  const auto target = parse_target(request.target);
  return target ? dispatch(request, *target) : Response::of(target.error());
}

Response Api::dispatch(Request& request, const Target& target) const {
  const auto candidates = routes_for(target);
  const auto* route = with_method(candidates, request.method);
  auth::Principal principal;
  if (!route || route->permission != auth::Permission::none) {
    auto known = identify(authenticator_, request);
    if (!known) return Response::of(known.error());
    principal = std::move(*known);
  }
  if (!route) return Response::of(no_route(candidates));
  if (route->permission != auth::Permission::none && services_.stopping())
    return Response::of(fail(ErrorCode::stopping, "the daemon is stopping"));
  if (auto unknown = unknown_parameter(*route, target)) return Response::of(*unknown);
  if (!auth::permits(principal, route->permission))
    return Response::of(forbidden(principal, route->permission));

  Context context{services_,
                  request,
                  target,
                  principal,
                  std::nullopt,
                  captured(*route, target, "{id}"),
                  captured(*route, target, "{seq}")};
  return run(*route, context);
}

Response Api::run(const Route& route, Context& context) const {
  auto answer = [&]() -> Answer {
    if (const auto name = captured(route, context.target, "{t}"); !name.empty()) {
      auto tenant = find_tenant(services_, route, context.principal, name);
      if (!tenant) return Problem(tenant.error());
      context.tenant = std::move(*tenant);
    }
    return route.handler(context);
  }();
  if (answer) return std::move(*answer);
  auto problem = answer.error();
  if (problem.status >= 500 && services_.on_failure) services_.on_failure(route.pattern, problem.code, problem.detail);
  hide_internals(problem, context.principal);
  return Response::of(problem);
}

}  // namespace mtmsg::http
