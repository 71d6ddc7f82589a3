#pragma once

#include <cstdint>
#include <optional>
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

/// What is fixed for one tenant's queue when it is declared. What is empty is as TopologyOptions say.
struct TenantQueue {
  bool ordered = false;  ///< one consumer at a time, whoever consumes
  std::optional<bool> quorum = std::nullopt;
  std::optional<std::uint32_t> delivery_limit = std::nullopt;
  std::uint64_t max_length = 0;  ///< ready messages; 0: no bound
};

std::string tenant_exchange(TenantId tenant);                      ///< tenant_{id}
std::string tenant_queue(TenantId tenant);                         ///< tenant_{id}_queue
std::string dead_letter_exchange(const TopologyOptions& options);  ///< {name_space}.dlx
std::string dead_letter_queue(const TopologyOptions& options);     ///< {name_space}.dead-letters

/// How the dead-letter queue is made sure of. One that was declared under an older broker may have other arguments than
/// we would give it now: then `declare` is a conflict (and the channel closed over it), and it is taken as it is.
enum class DeadLetterQueue { declare, take_as_it_is };

/// Exchange, queue and binding, idempotent; tenants' queues name the exchange, so it comes before them.
asio::awaitable<Result<void>> ensure_dead_letter_queue(Session& session, ChannelNumber channel, TopologyOptions options,
                                                       DeadLetterQueue how);

/// The tenant's queue: durable, dead letters to dead_letter_exchange with the routing key tenant_{id} (which no
/// publisher can set), reject-publish and at-least-once dead-lettering.
QueueSpec tenant_queue_spec(TenantId tenant, const TenantQueue& queue, const TopologyOptions& options);

}  // namespace mtmsg::broker
