#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "http/exchange.hpp"

/// What the header Idempotency-Key does. Every POST takes it, and refuses a malformed one. A retry under it is safe:
/// - a new tenant: the key is kept with it, so a retry answers the tenant that was made, and another request a
/// conflict;
/// - messages without an id: their ids are derived from tenant, key, line and payload, so what is sent again is stored
///   once. Nothing is remembered: the same key with another payload is another message;
/// - messages with an id: the id does that already;
/// - replay, pause, resume, migrations: what was done is not done again, key or not. A replayed letter is skipped, and
/// a
///   tenant that is paused stays so.
namespace mtmsg::http {

/// The key, checked; nullopt without the header. Error: invalid_argument unless it is there once and 1..255 printable
/// ASCII characters.
Result<std::optional<std::string_view>> idempotency_key(const Request& request);

/// The id of a message that came without one, under a key; `line` counts from 1.
MessageId message_id_under(std::string_view key, TenantId tenant, std::size_t line, std::string_view payload);

/// The request's Idempotency-Key header with a fingerprint of what is asked: the SHA-256 of method, path and body.
/// `path` is the route's, without a query; `body` is the request as it was understood, so that blanks and the order of
/// keys make no difference. nullopt and errors as above.
Result<std::optional<IdempotencyKey>> idempotency_key(const Request& request, std::string_view path,
                                                      std::string_view body);

}  // namespace mtmsg::http
