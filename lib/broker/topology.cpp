#include "broker/topology.hpp"

namespace mtmsg::broker {

std::string tenant_exchange(TenantId tenant) {
  return "tenant_" + tenant.to_string();
}

std::string tenant_queue(TenantId tenant) {
  return tenant_exchange(tenant) + "_queue";
}

std::string dead_letter_exchange(const TopologyOptions& options) {
  return options.name_space + ".dlx";
}

std::string dead_letter_queue(const TopologyOptions& options) {
  return options.name_space + ".dead-letters";
}

asio::awaitable<Result<void>> ensure_dead_letter_queue(Session& session, ChannelNumber channel, TopologyOptions options,
                                                       DeadLetterQueue how) {
  const auto exchange = dead_letter_exchange(options);
  QueueSpec spec;
  spec.name = dead_letter_queue(options);
  spec.quorum = options.quorum;
  if (auto done = co_await session.declare_exchange(channel, exchange, "fanout"); !done) co_return done.error();
  // Not one co_await in each branch of a conditional expression: gcc 12 destroys what they give twice.
  if (how == DeadLetterQueue::declare) {
    if (auto done = co_await session.declare_queue(channel, spec); !done) co_return done.error();
  } else {
    if (auto done = co_await session.queue_depth(channel, spec.name); !done) co_return done.error();
  }
  co_return co_await session.bind_queue(channel, spec.name, exchange, "");
}

QueueSpec tenant_queue_spec(TenantId tenant, const TenantQueue& queue, const TopologyOptions& options) {
  QueueSpec spec;
  spec.name = tenant_queue(tenant);
  spec.quorum = queue.quorum.value_or(options.quorum);
  spec.delivery_limit = spec.quorum ? queue.delivery_limit.value_or(options.delivery_limit) : 0;
  spec.single_active_consumer = queue.ordered;
  spec.max_length = queue.max_length;
  spec.reject_publish = true;
  spec.dead_letter_exchange = dead_letter_exchange(options);
  spec.dead_letter_routing_key = tenant_exchange(tenant);
  return spec;
}

}  // namespace mtmsg::broker
