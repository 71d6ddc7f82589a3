#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/link.hpp"
#include "broker/topology.hpp"

namespace mtmsg::broker {

/// Declares, deletes and measures what tenants have in the broker, over a link of its own. Any thread; each call blocks
/// until the broker answered, at most the RPC limit (then `timeout`: it may still happen). Several calls at once each
/// get a channel of their own. Errors are Session's; broker_unavailable at once while the link is not connected.
class Control {
 public:
  Control(ConnectOptions connect, TopologyOptions topology);
  ~Control();

  void start();
  void stop();
  LinkStatus status() const;

  /// The dead-letter exchange and queue first, then the tenant's exchange (fanout), queue and binding. Idempotent.
  /// conflict when the queue stands with other arguments.
  Result<void> declare_tenant(TenantId tenant, const TenantQueue& queue);
  /// Queue and exchange; what is gone already counts as deleted. The number of messages that went with the queue.
  Result<std::uint64_t> delete_tenant(TenantId tenant);
  /// not_found when somebody deleted the queue by hand.
  Result<QueueDepth> depth(TenantId tenant);
  /// The same of many, one answer each, in order; those that took longer than `limit` altogether are `timeout`.
  std::vector<Result<QueueDepth>> depths(const std::vector<TenantId>& tenants, std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::broker
