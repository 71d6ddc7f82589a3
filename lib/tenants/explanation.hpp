#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/session.hpp"
#include "domain/tenant.hpp"
#include "ingest/pipeline.hpp"
#include "store/tenant_store.hpp"

/// Why a tenant's messages don't arrive. Pure: facts in, findings out.
namespace mtmsg::tenants {

/// What is known of one tenant.
struct TenantFacts {
  Tenant tenant;
  TenantLimits limits;                        ///< those in force
  std::optional<store::TenantCounts> counts;  ///< absent: the database could not be asked
  enum class Queue {
    unknown,  ///< the broker could not be asked
    missing,
    there,
  } queue_is = Queue::unknown;
  broker::QueueDepth queue;  ///< of one that is there
  bool full = false;         ///< it keeps as many bytes as it may
  ingest::TenantActivity activity;
  std::string delayed;  ///< why the last try to bring it to what it should be failed; empty: nothing did
};

/// What is known of what it depends on. Reasons are empty where all is well.
struct Circumstances {
  std::string database_away;
  std::string broker_away;
  std::string publishing_blocked;  ///< why the broker takes no messages from this daemon
  bool throttled = false;          ///< it was told lately to publish slower
  std::size_t tried_again = 0;     ///< messages of it that the broker gave up, and that are tried once more
};

/// How bad a finding is; in this order.
enum class Severity {
  fine,
  note,     ///< worth knowing
  slow,     ///< messages arrive later than they could
  blocked,  ///< nothing arrives
};
std::string_view to_string(Severity severity) noexcept;

/// The findings there are, and how bad each is. Their names are part of the API.
enum class Cause {
  deleting,
  creating,
  paused,
  full,
  database_away,
  broker_away,
  queue_missing,
  no_consumer,
  held,
  publishing_blocked,
  queue_full,
  not_moving,
  poison_retried,
  memory_full,
  waiting_for_share,
  throttled,
  draining,
  dead_letters,
  nothing_came,
  well,
};
struct CauseRow {
  Cause cause;
  std::string_view name;
  Severity severity;
};
std::array<CauseRow, 20> cause_rows() noexcept;
const CauseRow& row_of(Cause cause) noexcept;

struct Finding {
  Cause cause;
  std::string what;    ///< a sentence
  std::string advice;  ///< what to do; may be empty
};

/// For whom it is said. A tenant learns nothing of servers, neighbours or the daemon's settings.
enum class Audience { administrator, tenant };

/// Every finding that holds, the worst first; never empty.
std::vector<Finding> explain(const TenantFacts& facts, const Circumstances& around, Audience audience);
Severity worst_of(const std::vector<Finding>& findings) noexcept;

}  // namespace mtmsg::tenants
