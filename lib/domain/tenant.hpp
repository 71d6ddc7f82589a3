#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/result.hpp"

namespace mtmsg {

using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// The desired state; the reconciler makes broker, partition and consumer follow it.
enum class TenantState { creating, active, deleting };

std::string_view to_string(TenantState state) noexcept;
std::optional<TenantState> tenant_state_from(std::string_view text) noexcept;

/// One row of `tenants`.
struct Tenant {
  TenantId id;
  std::string name;
  TenantState state = TenantState::creating;
  unsigned workers = 3;
  bool paused = false;
  bool ordered = false;
  Timestamp created_at;
  Timestamp updated_at;
  friend bool operator==(const Tenant&, const Tenant&) = default;
};

/// What an operator asks for. `workers` empty means the configured default.
struct NewTenant {
  std::string name;
  std::optional<unsigned> workers;
};

/// 1–63 of [a-z0-9-], no dash at either end, not of UUID form (it could not be told from an id).
/// The error is invalid_argument and says which rule the name breaks.
Result<void> check_tenant_name(std::string_view name);

/// conflict while it is being created or deleted: it takes nothing yet, or no more.
Result<void> check_active(const Tenant& tenant);

/// 1..max_workers, and prefetch = workers × batch fits the 16 bits of basic.qos (AMQP 0-9-1, 1.7.2.2; 0 would mean
/// "no limit"). The error is invalid_argument and names the bounds.
Result<void> check_workers(unsigned workers, unsigned max_workers, unsigned batch);

/// workers × batch: the most messages of one tenant a daemon holds unacknowledged. Callers have checked the bounds.
std::uint16_t prefetch_of(unsigned workers, unsigned batch) noexcept;

}  // namespace mtmsg
