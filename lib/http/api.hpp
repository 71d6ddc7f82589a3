#pragma once

#include "auth/authenticator.hpp"
#include "http/routes.hpp"
#include "http/services.hpp"

namespace mtmsg::http {

/// The HTTP API: finds the route, asks who it is and whether he may, and calls the row's handler. Any thread.
/// Must outlive the streams in its answers.
///
/// In this order: address (400), a browser's question before it sends (204), route (404, 405), credentials (401; asked
/// before a missing route is admitted) and how often they ask (429), stopping (503), parameters (400), permission
/// (403), a POST's Idempotency-Key (400), tenant (404, also for somebody else's).
class Api {
 public:
  Api(Services services, auth::Authenticator authenticator);

  Response handle(Request& request) const;

 private:
  boost::system::result<auth::Principal, Problem> identify(const Request& request) const;
  boost::system::result<Response, Problem> dispatch(Request& request, const Target& target) const;
  boost::system::result<Response, Problem> run(const Route& route, Context& context) const;
  boost::system::result<Response, Problem> finish(const Route& route, const auth::Principal& principal,
                                                  const Request& request,
                                                  boost::system::result<Response, Problem> answer) const;

  const Services services_;
  const auth::Authenticator authenticator_;
};

}  // namespace mtmsg::http
