#include "tenants/plan.hpp"

namespace mtmsg::tenants {
namespace {

constexpr Step kCreate[] = {Step::ensure_partition, Step::declare_topology, Step::serve, Step::mark_active};
constexpr Step kServe[] = {Step::serve};
constexpr Step kRepair[] = {Step::ensure_partition, Step::declare_topology, Step::serve};
constexpr Step kDelete[] = {Step::stop_consumer, Step::delete_topology, Step::remove_counter, Step::drop_partition,
                            Step::remove_row};

}  // namespace

std::span<const Step> plan(TenantState state, Situation situation) noexcept {
  switch (state) {
    case TenantState::creating:
      return kCreate;
    case TenantState::active:
      return situation == Situation::fresh ? std::span<const Step>(kServe) : kRepair;
    case TenantState::deleting:
      return kDelete;
  }
  return {};
}

}  // namespace mtmsg::tenants
