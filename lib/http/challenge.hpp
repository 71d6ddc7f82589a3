#pragma once

#include <boost/system/result.hpp>

#include "auth/authenticator.hpp"
#include "http/exchange.hpp"
#include "http/problem.hpp"

/// What a caller is told who is not let in (RFC 6750, 3). Any thread.
namespace mtmsg::http {

/// Who asks. Problems: 401 with a challenge, which names `invalid_token` and why when a token was shown; 400 when there
/// are several headers Authorization: somebody on the way may have looked at another one.
boost::system::result<auth::Principal, Problem> identify(const auth::Authenticator& authenticator,
                                                         const Request& request);

/// 403 that says whether the role or the token's scopes are in the way.
Problem forbidden(const auth::Principal& principal, auth::Permission permission);

}  // namespace mtmsg::http
