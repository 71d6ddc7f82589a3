#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"

/// Tenants in the API's JSON. Writers append to `out`; readers answer invalid_argument. Any thread.
namespace mtmsg::wire {

struct QueueDepth {
  std::uint64_t ready = 0;  ///< messages waiting for a consumer
  std::uint64_t consumers = 0;
  friend bool operator==(const QueueDepth&, const QueueDepth&) = default;
};

/// What moves for one tenant in the daemon that answered. Totals count since its start.
struct Activity {
  bool consuming = false;
  std::uint64_t workers_busy = 0;
  std::uint64_t unacked = 0;
  std::uint64_t waiting = 0;
  std::uint64_t stored = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t dead_letters = 0;
  friend bool operator==(const Activity&, const Activity&) = default;
};

/// A tenant with its counts: what GET /tenants/{t} answers.
struct TenantDetail {
  Tenant tenant;
  std::int64_t messages = 0;  ///< ever stored: the last number given
  std::int64_t oldest_seq = 0;
  std::int64_t dead_letters = 0;
  std::optional<QueueDepth> queue;  ///< absent (null) when the broker or the queue is away
  Activity activity;
  friend bool operator==(const TenantDetail&, const TenantDetail&) = default;
};

/// {"id","name","state","workers","paused","ordered","created_at","updated_at"}
void append_tenant(std::string& out, const Tenant& tenant);
/// The same with "messages", "oldest_seq", "dead_letters", "queue", "activity".
void append_tenant(std::string& out, const TenantDetail& detail);
/// {"data":[…]}
void append_tenants(std::string& out, const std::vector<Tenant>& tenants);

Result<Tenant> read_tenant(std::string_view json);
Result<TenantDetail> read_tenant_detail(std::string_view json);
Result<std::vector<Tenant>> read_tenants(std::string_view json);

/// {"name","workers"?}: POST /tenants. Strict; does not check the name's form or the bounds of workers.
void append_new_tenant(std::string& out, const NewTenant& request);
Result<NewTenant> read_new_tenant(std::string_view json);

/// {"workers":5}: the body of PUT /tenants/{t}/config/concurrency and its answer, and of PATCH /tenants/{t}. Strict.
void append_concurrency(std::string& out, unsigned workers);
Result<unsigned> read_concurrency(std::string_view json);

}  // namespace mtmsg::wire
