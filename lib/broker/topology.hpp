#pragma once

#include <string>

#include "broker/session.hpp"
#include "core/ids.hpp"

namespace mtmsg::broker {

/// What is the same for every tenant's queue (configuration section `broker`).
struct TopologyOptions {
  std::string name_space = "mtmsg";
  bool quorum = true;
  std::uint32_t delivery_limit = 20;
};

std::string tenant_exchange(TenantId tenant);                      ///< tenant_{id}
std::string tenant_queue(TenantId tenant);                         ///< tenant_{id}_queue
std::string dead_letter_exchange(const TopologyOptions& options);  ///< {name_space}.dlx
std::string dead_letter_queue(const TopologyOptions& options);     ///< {name_space}.dead-letters

/// Exchange, queue and binding, idempotent; tenants' queues name the exchange, so it comes before them. A queue that an
/// older broker made with other arguments is taken as it is. The channel stays open.
asio::awaitable<Result<void>> declare_dead_letter_queue(Session& session, ChannelNumber channel,
                                                        TopologyOptions options);

/// The tenant's queue: durable, dead letters to dead_letter_exchange with the routing key tenant_{id} (which no
/// publisher can set), reject-publish and at-least-once dead-lettering.
QueueSpec tenant_queue_spec(TenantId tenant, const TopologyOptions& options);

}  // namespace mtmsg::broker
