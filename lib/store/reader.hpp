#pragma once

#include <optional>

#include "core/ids.hpp"

namespace mtmsg::store {

/// On whose behalf something is read. For a tenant, PostgreSQL itself shows nothing but that tenant's rows
/// (migrations/0006_row_level_security), whichever tenant the read then asks for: so it is to come from who asks, not
/// from what is asked for. A value.
class Reader {
 public:
  /// An administrator, or the daemon itself.
  static Reader everybody() { return Reader(std::nullopt); }
  static Reader of(TenantId tenant) { return Reader(tenant); }

  /// Absent: everybody.
  const std::optional<TenantId>& tenant() const noexcept { return tenant_; }
  friend bool operator==(const Reader&, const Reader&) = default;

 private:
  explicit Reader(std::optional<TenantId> tenant) : tenant_(tenant) {}
  std::optional<TenantId> tenant_;
};

}  // namespace mtmsg::store
