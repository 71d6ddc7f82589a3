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

QueueSpec tenant_queue_spec(TenantId tenant, const TopologyOptions& options) {
  QueueSpec spec;
  spec.name = tenant_queue(tenant);
  spec.quorum = options.quorum;
  spec.delivery_limit = options.quorum ? options.delivery_limit : 0;
  spec.reject_publish = true;
  spec.dead_letter_exchange = dead_letter_exchange(options);
  spec.dead_letter_routing_key = tenant_exchange(tenant);
  return spec;
}

}  // namespace mtmsg::broker
