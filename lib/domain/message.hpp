#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/tenant.hpp"

namespace mtmsg {

/// One row of `messages`. `payload` and `headers` are JSON text as PostgreSQL renders `jsonb`; empty when erased.
struct StoredMessage {
  Sequence seq;
  MessageId id;
  TenantId tenant;
  std::string payload;
  std::string headers;
  std::optional<Timestamp> published_at;
  Timestamp created_at;
  std::optional<Timestamp> erased_at;
};

inline constexpr unsigned kDefaultPageRows = 100;
inline constexpr unsigned kMaxPageRows = 1000;
inline constexpr unsigned kLongestWaitSeconds = 60;  ///< for a message that is not there yet

/// What a reader asks for: messages with a number above `cursor`, in order.
struct PageQuery {
  Sequence cursor;
  unsigned limit = kDefaultPageRows;  ///< rows, 1..kMaxPageRows
  std::optional<Timestamp> since;     ///< created_at >= since
  std::optional<Timestamp> until;     ///< created_at < until
};

/// A page ends at `limit` rows or at a bound of bytes, whichever comes first, and never holds less than one row if
/// there is one. `next_cursor` is always the place to go on from.
struct Page {
  std::vector<StoredMessage> data;
  Sequence next_cursor;
  bool has_more = false;
  Sequence oldest_seq;     ///< the lowest number still kept; last + 1 when none is
  bool truncated = false;  ///< the cursor was below oldest_seq - 1: retention removed messages the reader never saw
  std::int64_t epoch = 1;  ///< store_epoch: raised after a restore or a failover that lost commits
};

/// A decimal number from 0 to 2^63 - 1, no sign, no blanks. Error: invalid_argument.
Result<Sequence> parse_cursor(std::string_view text);

/// A page of all tenants, for admins: "TENANT_ID:SEQ". Error: invalid_argument.
struct GlobalCursor {
  TenantId tenant;
  Sequence seq;
  std::string to_string() const;
  friend bool operator==(const GlobalCursor&, const GlobalCursor&) = default;
};
Result<GlobalCursor> parse_global_cursor(std::string_view text);

/// "100": 1..1000. Error: invalid_argument.
Result<unsigned> parse_limit(std::string_view text);

/// RFC 3339 with offset, such as 2026-01-31T12:00:00.123456Z. Finer than microseconds is cut. Error: invalid_argument.
Result<Timestamp> parse_timestamp(std::string_view text);
/// RFC 3339 in UTC with six digits of fraction. A time outside the years 0 to 9999 becomes the nearest one inside.
std::string format_timestamp(Timestamp time);

/// Who a message is. `message_id` of the form 8-4-4-4-12 hex digits is the id itself; any
/// other string becomes UUIDv5 with the tenant's id as namespace; absent or empty, a fresh UUIDv7.
struct MessageIdentity {
  MessageId id;
  enum class Origin { given, derived, generated } origin = Origin::given;
};
MessageIdentity identify_message(TenantId tenant, std::optional<std::string_view> message_id);

}  // namespace mtmsg
