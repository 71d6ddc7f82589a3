#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "domain/tenant.hpp"

namespace mtmsg {

/// Why a message could not become a row of `messages`. A closed list: the names are part of the API.
enum class DeadReason {
  invalid_json,          ///< the body is not JSON (RFC 8259)
  rejected_by_database,  ///< JSON, but not what jsonb takes: \u0000, lone surrogates, numbers out of its range …
  too_large,             ///< the body, or what it would be when written out, passes its limit
  delivery_limit,        ///< the broker gave it up: delivered too often without an answer
  expired,               ///< the broker gave it up: its time to live was over
  rejected_by_consumer,  ///< the broker gave it up: a foreign consumer of the queue refused it
  queue_full,            ///< the broker gave it up: a policy bounds the queue and drops what is too much
};

inline constexpr std::array kDeadReasons{
    DeadReason::invalid_json, DeadReason::rejected_by_database, DeadReason::too_large, DeadReason::delivery_limit,
    DeadReason::expired,      DeadReason::rejected_by_consumer, DeadReason::queue_full};

std::string_view to_string(DeadReason reason) noexcept;
std::optional<DeadReason> dead_reason_from(std::string_view text) noexcept;

/// A verdict over one message, with a sentence for the operator.
struct Refusal {
  DeadReason reason = DeadReason::invalid_json;
  std::string detail;
  std::string sqlstate;  ///< five characters when PostgreSQL refused it, else empty
};

/// One row of `dead_letters`. What the sender gave is kept byte for byte.
struct DeadLetter {
  Sequence seq;  ///< counts the tenant's dead letters; its own series, with nothing in common with the messages'
  MessageId id;
  TenantId tenant;
  Refusal refusal;
  std::int64_t deliveries = 1;  ///< how often it arrived
  std::int64_t tries = 0;       ///< how often it was tried again: the last try, and replays
  std::int64_t body_bytes = 0;
  std::string body;         ///< empty in a listing
  std::string headers;      ///< JSON (broker/headers.hpp)
  std::string exchange;     ///< where it was published; empty in letters older than this column
  std::string routing_key;  ///< likewise
  std::optional<Timestamp> published_at;
  Timestamp failed_at;                   ///< of the refusal above
  std::optional<Timestamp> tried_at;     ///< of the last of the tries
  std::optional<Timestamp> replayed_at;  ///< it is stored as a message since then
};

/// Which of a tenant's dead letters.
struct DeadLetterFilter {
  std::optional<DeadReason> reason;
  std::optional<Timestamp> since;  ///< failed_at >= since
  std::optional<Timestamp> until;  ///< failed_at < until
  std::optional<bool> replayed;    ///< only those that were, or only those that were not
};

/// What a replay made of one letter.
struct Replayed {
  enum class Outcome {
    stored,   ///< it is a message now, or was one before under the same id; the letter is marked
    refused,  ///< it failed again; `refusal` says why, and so does the letter
    skipped,  ///< it was replayed before, or there is no such letter
  };
  Sequence seq;
  Outcome outcome = Outcome::skipped;
  MessageId id;     ///< unless skipped
  Refusal refusal;  ///< when refused
};

}  // namespace mtmsg
