#pragma once

#include "auth/authenticator.hpp"
#include "http/exchange.hpp"
#include "http/services.hpp"

namespace mtmsg::http {

struct Route;
struct Context;
struct Target;

/// The HTTP API: finds the route, asks who it is and whether he may, and calls the row's handler. Any thread.
/// Must outlive the streams in its answers.
///
/// In this order: address (400), route (404, 405), credentials (401; asked before a missing route is admitted),
/// stopping (503), parameters (400), permission (403), a POST's Idempotency-Key (400), tenant (404, also for somebody
/// else's).
class Api {
 public:
  Api(Services services, auth::Authenticator authenticator);

  Response handle(Request& request) const;

 private:
  Response dispatch(Request& request, const Target& target) const;
  Response run(const Route& route, Context& context) const;
  Response finish(const Route& route, const auth::Principal& principal,
                  boost::system::result<Response, Problem> answer) const;

  const Services services_;
  const auth::Authenticator authenticator_;
};

}  // namespace mtmsg::http
