#pragma once

#include <string_view>
#include <vector>

#include "domain/tenant.hpp"

namespace mtmsg::tenants {

/// What has to be made true, one after the other. Each step is idempotent: after a crash the whole plan is run again.
enum class Step {
  ensure_partition,  ///< the tenant's table exists and is attached
  declare_topology,  ///< exchange, queue and binding stand (after the dead-letter queue they name)
  serve,             ///< a consumer stands, with the wanted number of workers
  mark_active,       ///< creation is over
  stop_consumer,     ///< what is in hand is committed and acked, the channel closed
  release,           ///< the other daemons know that this one has let go
  await_others,      ///< every daemon that lives has let go
  check_empty,       ///< nothing is stored, nothing waits; else the tenant is spared
  delete_topology,   ///< queue and exchange are gone, and what waited with them
  remove_counter,    ///< no writer takes the tenant any more
  drop_partition,    ///< the messages are gone
  keep_partition,    ///< they are out of the way, under another name
  remove_row,        ///< the name is free again
};

std::string_view to_string(Step step) noexcept;

/// What is known of a tenant apart from its row.
enum class Situation {
  fresh,      ///< nothing: the daemon has just started, or is asked to
  broken,     ///< its consumer was lost: somebody deleted its queue, or its partition is missing
  elsewhere,  ///< another daemon has just changed it, and is at it: only our part of it is ours
};

/// Whether an active tenant's messages are to be taken.
enum class Flow {
  open,
  shut,  ///< it is paused, or keeps as much as it may: its messages wait in its queue
};

/// Pure. A fresh active tenant is only served: if its queue is not there, the consumer's failure makes it `broken`.
/// So starting with thousands of tenants declares nothing.
std::vector<Step> plan(const Tenant& tenant, Situation situation, Flow flow);

}  // namespace mtmsg::tenants
