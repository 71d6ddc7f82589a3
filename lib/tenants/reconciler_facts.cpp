// What the reconciler knows of a tenant when somebody asks why its messages don't arrive.

#include "tenants/reconciler.hpp"

namespace mtmsg::tenants {

TenantFacts Reconciler::facts(const store::Reader& reader, const Tenant& tenant, Database database) {
  TenantFacts facts;
  facts.tenant = tenant;
  facts.limits = tenant.limits.over(options_.defaults.limits);
  facts.activity = pipeline_.activity(tenant.id);
  if (facts.activity.workers == 0) facts.activity.workers = tenant.ordered ? 1 : tenant.workers;
  if (database == Database::asked)
    if (auto counts = store_.counts(reader, tenant.id); counts.has_value()) facts.counts = *counts;
  const auto depth = control_.depth(tenant.id);
  if (depth.has_value()) {
    facts.queue_is = TenantFacts::Queue::there;
    facts.queue = *depth;
  } else if (depth.error().code == ErrorCode::not_found) {
    facts.queue_is = TenantFacts::Queue::missing;
  }
  const auto most = facts.limits.value(Limit::max_stored_bytes);
  const std::lock_guard lock(mutex_);
  facts.full = facts.counts ? most > 0 && facts.counts->stored_bytes >= static_cast<std::int64_t>(most)
                            : full_.contains(tenant.id);
  if (const auto task = tasks_.find(tenant.id); task != tasks_.end()) facts.delayed = task->second.last_error;
  return facts;
}

}  // namespace mtmsg::tenants
