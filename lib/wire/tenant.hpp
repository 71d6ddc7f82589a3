#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "domain/tenant_query.hpp"

/// Tenants in the API's JSON. Writers append to `out`; readers answer invalid_argument. Any thread.
namespace mtmsg::wire {

struct QueueDepth {
  std::uint64_t ready = 0;  ///< messages waiting for a consumer
  std::uint64_t consumers = 0;
  friend bool operator==(const QueueDepth&, const QueueDepth&) = default;
};

/// {"ready","consumers"}, or null.
void append_queue_depth(std::string& out, const std::optional<QueueDepth>& queue);
Result<QueueDepth> read_queue_depth(std::string_view json);

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
  TenantLimits effective_limits{};  ///< its own, and the configured defaults; 0: none
  std::int64_t stored_bytes = 0;    ///< of the messages kept, about
  bool full = false;                ///< it keeps as many bytes as it may: its messages wait in the queue
  friend bool operator==(const TenantDetail&, const TenantDetail&) = default;
};

/// {"id","name","state","workers","paused","ordered","limits":{…},"created_at","updated_at"}; limits: wire/limits.hpp
void append_tenant(std::string& out, const Tenant& tenant);
/// The same with "effective_limits", "messages", "oldest_seq", "stored_bytes", "full", "dead_letters", "queue",
/// "activity".
void append_tenant(std::string& out, const TenantDetail& detail);
/// {"data":[…],"next_cursor","has_more"}
void append_tenants(std::string& out, const TenantPage& page);
/// {"data":[…]}
void append_tenants(std::string& out, const std::vector<Tenant>& tenants);

Result<Tenant> read_tenant(std::string_view json);
Result<TenantDetail> read_tenant_detail(std::string_view json);
/// Without a cursor it is all there is.
Result<TenantPage> read_tenants(std::string_view json);

/// {"name","workers"?,"ordered"?,"limits"?}: POST /tenants. Strict; does not check the name's form or any bounds. Equal
/// requests are written as equal text. The idempotency key is no part of it.
void append_new_tenant(std::string& out, const NewTenant& request);
Result<NewTenant> read_new_tenant(std::string_view json);

/// {"workers"?,"paused"?,"limits"?}, at least one: PATCH /tenants/{t}. Strict; `immutable` for what is decided when a
/// tenant is created.
void append_tenant_update(std::string& out, const TenantUpdate& change);
Result<TenantUpdate> read_tenant_update(std::string_view json);

/// {"kept_table":"…"}: DELETE /tenants/{t}?keep_messages=true, when it is done.
void append_kept_table(std::string& out, std::string_view table);
Result<std::string> read_kept_table(std::string_view json);

/// {"workers":5}: the body of PUT /tenants/{t}/config/concurrency and its answer. Strict.
void append_concurrency(std::string& out, unsigned workers);
Result<unsigned> read_concurrency(std::string_view json);

}  // namespace mtmsg::wire
