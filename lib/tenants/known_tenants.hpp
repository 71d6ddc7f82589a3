#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/tenant.hpp"

namespace mtmsg::tenants {

/// The rows of `tenants` as they were last seen, for questions that must have an answer while the database is away.
/// Any thread.
class KnownTenants {
 public:
  void replace(const std::vector<Tenant>& all) {
    std::map<TenantId, Tenant> rows;
    for (const auto& tenant : all) rows.emplace(tenant.id, tenant);
    const std::lock_guard lock(mutex_);
    rows_.swap(rows);
  }
  void note(const Tenant& tenant) {
    const std::lock_guard lock(mutex_);
    rows_.insert_or_assign(tenant.id, tenant);
  }
  void forget(TenantId tenant) {
    const std::lock_guard lock(mutex_);
    rows_.erase(tenant);
  }
  std::optional<Tenant> find(std::string_view id_or_name) const {
    const auto id = TenantId::parse(id_or_name);
    const std::lock_guard lock(mutex_);
    for (const auto& [known, tenant] : rows_)
      if (id ? known == *id : tenant.name == id_or_name) return tenant;
    return std::nullopt;
  }
  std::vector<Tenant> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Tenant> all;
    all.reserve(rows_.size());
    for (const auto& [id, tenant] : rows_) all.push_back(tenant);
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<TenantId, Tenant> rows_;  ///< guarded by mutex_
};

}  // namespace mtmsg::tenants
