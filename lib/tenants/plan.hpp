#pragma once

#include <span>

#include "domain/tenant.hpp"

namespace mtmsg::tenants {

/// What has to be made true, one after the other. Each step is idempotent: after a crash the whole plan is run again.
enum class Step {
  ensure_partition,  ///< the tenant's table exists and is attached
  declare_topology,  ///< exchange, queue and binding stand (after the dead-letter queue they name)
  serve,             ///< a consumer stands, with the wanted number of workers
  mark_active,       ///< creation is over
  stop_consumer,     ///< what is in hand is committed and acked, the channel closed
  delete_topology,   ///< queue and exchange are gone, and what waited with them
  remove_counter,    ///< no writer takes the tenant any more
  drop_partition,    ///< the messages are gone
  remove_row,        ///< the name is free again
};

/// What is known of a tenant apart from its row.
enum class Situation {
  fresh,   ///< nothing: the daemon has just started, or just heard of it
  broken,  ///< its consumer was lost: somebody deleted its queue, or its partition is missing
};

/// Pure. A fresh active tenant is only served: if its queue is not there, the consumer's failure makes it `broken`.
/// So starting with thousands of tenants declares nothing.
std::span<const Step> plan(TenantState state, Situation situation) noexcept;

}  // namespace mtmsg::tenants
