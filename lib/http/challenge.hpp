#pragma once

#include <optional>

#include <boost/system/result.hpp>

#include "auth/authenticator.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/problem.hpp"

/// What a caller is told who is not let in (RFC 6750, 3). Any thread.
namespace mtmsg::http {

/// Who asks. Problems: 401 with a challenge, which names `invalid_token` and why when a token was shown; 400 when there
/// are several headers Authorization: somebody on the way may have looked at another one.
boost::system::result<auth::Principal, Problem> identify(const auth::Authenticator& authenticator,
                                                         const Request& request);

/// 403 when the caller would be let in for where he is, and may be somebody else's web page (web_page.hpp) of an origin
/// that `cors` does not allow.
std::optional<Problem> foreign_page(const auth::Authenticator& authenticator, const Request& request, const Cors* cors);

/// 403 that says whether the role or the token's scopes are in the way.
Problem forbidden(const auth::Principal& principal, auth::Permission permission);

}  // namespace mtmsg::http
