#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "domain/message.hpp"

namespace mtmsg {

/// A request that was let in to change something, and what became of it. Never a payload or a secret.
struct AuditEntry {
  Sequence seq;  ///< this and the time are given by the store
  Timestamp at;
  std::string subject;  ///< who: a token's `sub`, or "unix:uid=0"
  std::string role;
  std::string action;  ///< stable, such as "tenant.create"
  std::string method;
  std::string route;               ///< the pattern
  std::optional<TenantId> tenant;  ///< whose, as it was called then
  std::string tenant_name;
  std::string detail;  ///< a JSON object: what was asked for, and what came of it; empty: {}
  int status = 0;      ///< HTTP's
  std::string code;    ///< the problem's; empty: it was done
  std::string request_id;
  std::string peer;  ///< "192.0.2.7:4711", "[2001:db8::1]:4711" or "unix"
  std::optional<std::int64_t> uid;
  std::optional<std::int64_t> pid;  ///< of the process that connected
  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

enum class AuditOrder { oldest_first, newest_first };

/// Which entries. Empty texts: any.
struct AuditQuery {
  std::optional<Sequence> cursor;  ///< after it in the order asked for; absent: from the beginning of that order
  unsigned limit = kDefaultPageRows;
  AuditOrder order = AuditOrder::oldest_first;
  std::optional<Timestamp> since;  ///< at >= since
  std::optional<Timestamp> until;  ///< at < until
  std::string subject;
  std::string tenant;  ///< id or name
  std::string action;  ///< "tenant.create", or "tenant" for all that begin so
};

struct AuditPage {
  std::vector<AuditEntry> data;
  Sequence next_cursor;  ///< where to go on from in this order
  bool has_more = false;
};

}  // namespace mtmsg
