#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/limits.hpp"

namespace mtmsg {

using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
inline Timestamp now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// The desired state; the reconciler makes broker, partition and consumer follow it.
enum class TenantState { creating, active, deleting };

std::string_view to_string(TenantState state) noexcept;
std::optional<TenantState> tenant_state_from(std::string_view text) noexcept;

/// What RabbitMQ fixes when a tenant's queue is declared, besides Limit::max_queue_length and `ordered`. Kept with the
/// tenant: the configuration may change, the queue can't. Empty: as the configuration says.
struct QueueArguments {
  std::optional<bool> quorum;
  std::optional<std::uint32_t> delivery_limit;
  friend bool operator==(const QueueArguments&, const QueueArguments&) = default;
};

/// One row of `tenants`.
struct Tenant {
  TenantId id;
  std::string name;
  TenantState state = TenantState::creating;
  unsigned workers = 3;
  bool paused = false;
  bool ordered = false;
  Timestamp created_at;
  Timestamp updated_at;   ///< grows with each change of the row: its version
  TenantLimits limits{};  ///< its own; where they say nothing the configured defaults count
  QueueArguments queue{};
  bool delete_if_empty = false;  ///< of one that is being deleted
  bool keep_messages = false;    ///< likewise: its partition stays, detached
  friend bool operator==(const Tenant&, const Tenant&) = default;
};

/// A request that may be made twice: the same key with the same fingerprint is the same request.
struct IdempotencyKey {
  std::string key;          ///< the caller's, 1..255 printable ASCII characters
  std::string fingerprint;  ///< of what was asked for
};

/// What an operator asks for. What is empty means the configured default.
struct NewTenant {
  std::string name;
  std::optional<unsigned> workers;
  bool ordered = false;
  TenantLimits limits{};
  std::optional<IdempotencyKey> idempotency{};
};

/// The versions (Tenant::updated_at) of which a tenant must have one for a change to be made. No list: any.
using ExpectedVersions = std::optional<std::vector<Timestamp>>;

/// What of a tenant may change; empty: stays.
struct TenantUpdate {
  std::optional<unsigned> workers;
  std::optional<bool> paused;
  struct LimitChange {
    Limit limit;
    std::optional<std::uint64_t> value;  ///< empty: the configured default again
  };
  std::vector<LimitChange> limits;
  ExpectedVersions expected{};
};

/// 1–63 of [a-z0-9-], no dash at either end, not of UUID form (it could not be told from an id).
/// The error is invalid_argument and says which rule the name breaks.
Result<void> check_tenant_name(std::string_view name);

/// conflict while it is being created or deleted: it takes nothing yet, or no more.
Result<void> check_active(const Tenant& tenant);

bool is_expected(const Tenant& tenant, const ExpectedVersions& expected);
Error precondition_failed(const Tenant& tenant);

/// 1..max_workers, and prefetch = workers × batch fits the 16 bits of basic.qos (AMQP 0-9-1, 1.7.2.2; 0 would mean
/// "no limit"). The error is invalid_argument and names the bounds.
Result<void> check_workers(unsigned workers, unsigned max_workers, unsigned batch);

/// workers × batch: the most messages of one tenant a daemon holds unacknowledged. Callers have checked the bounds.
std::uint16_t prefetch_of(unsigned workers, unsigned batch) noexcept;

}  // namespace mtmsg
