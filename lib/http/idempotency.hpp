#pragma once

#include <optional>
#include <string_view>

#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "http/exchange.hpp"

namespace mtmsg::http {

/// The request's Idempotency-Key header with a fingerprint of what is asked: the SHA-256 of method, path and body.
/// `path` is the route's, without a query; `body` is the request as it was understood, so that blanks and the order of
/// keys make no difference. nullopt without the header. Error: invalid_argument unless it is there once and 1..255
/// printable ASCII characters.
Result<std::optional<IdempotencyKey>> idempotency_key(const Request& request, std::string_view path,
                                                      std::string_view body);

}  // namespace mtmsg::http
