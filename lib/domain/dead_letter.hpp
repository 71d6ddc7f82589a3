#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mtmsg {

/// Why a message could not become a row of `messages`. A closed list: the names are part of the API.
enum class DeadReason {
  invalid_json,          ///< the body is not JSON (RFC 8259)
  rejected_by_database,  ///< JSON, but not what jsonb takes: \u0000, lone surrogates, numbers out of its range …
  too_large,             ///< the body, or what it would be when written out, passes its limit
  delivery_limit,        ///< the broker gave it up: delivered too often without an answer
  expired,               ///< the broker gave it up: its time to live was over
};

std::string_view to_string(DeadReason reason) noexcept;
std::optional<DeadReason> dead_reason_from(std::string_view text) noexcept;

/// A verdict over one message, with a sentence for the operator.
struct Refusal {
  DeadReason reason = DeadReason::invalid_json;
  std::string detail;
  std::string sqlstate;  ///< five characters when PostgreSQL refused it, else empty
};

}  // namespace mtmsg
