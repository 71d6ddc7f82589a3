#include "tenants/plan.hpp"

namespace mtmsg::tenants {
namespace {

std::vector<Step> deletion(const Tenant& tenant, Situation situation) {
  std::vector<Step> steps{Step::stop_consumer, Step::release};
  if (situation == Situation::elsewhere) return steps;
  steps.push_back(Step::await_others);
  if (tenant.delete_if_empty) steps.push_back(Step::check_empty);
  steps.insert(steps.end(), {Step::delete_topology, Step::remove_counter,
                             tenant.keep_messages ? Step::keep_partition : Step::drop_partition, Step::remove_row});
  return steps;
}

}  // namespace

std::string_view to_string(Step step) noexcept {
  switch (step) {
    case Step::ensure_partition:
      return "ensure_partition";
    case Step::declare_topology:
      return "declare_topology";
    case Step::serve:
      return "serve";
    case Step::mark_active:
      return "mark_active";
    case Step::stop_consumer:
      return "stop_consumer";
    case Step::release:
      return "release";
    case Step::await_others:
      return "await_others";
    case Step::check_empty:
      return "check_empty";
    case Step::delete_topology:
      return "delete_topology";
    case Step::remove_counter:
      return "remove_counter";
    case Step::drop_partition:
      return "drop_partition";
    case Step::keep_partition:
      return "keep_partition";
    case Step::remove_row:
      return "remove_row";
  }
  return "";
}

std::vector<Step> plan(const Tenant& tenant, Situation situation, Flow flow) {
  switch (tenant.state) {
    case TenantState::creating:
      if (situation == Situation::elsewhere) return {};
      return {Step::ensure_partition, Step::declare_topology, Step::serve, Step::mark_active};
    case TenantState::active: {
      const auto last = flow == Flow::open ? Step::serve : Step::stop_consumer;
      if (situation == Situation::broken) return {Step::ensure_partition, Step::declare_topology, last};
      return {last};
    }
    case TenantState::deleting:
      return deletion(tenant, situation);
  }
  return {};
}

}  // namespace mtmsg::tenants
