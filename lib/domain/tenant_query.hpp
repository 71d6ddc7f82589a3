#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/message.hpp"
#include "domain/tenant.hpp"

namespace mtmsg {

/// Which tenants, in the order of their names.
struct TenantQuery {
  std::string cursor;                 ///< names behind this one
  unsigned limit = kDefaultPageRows;  ///< 1..kMaxPageRows
  std::optional<TenantState> state{};
  std::optional<bool> paused{};
  std::string name_prefix{};
  std::optional<Timestamp> since{};  ///< created_at >= since
  std::optional<Timestamp> until{};  ///< created_at < until
};

/// `next_cursor` is the last name of the page; of an empty one the cursor given.
struct TenantPage {
  std::vector<Tenant> data;
  std::string next_cursor;
  bool has_more = false;
};

}  // namespace mtmsg
