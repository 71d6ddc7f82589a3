#pragma once

#include <chrono>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"

namespace mtmsg::store {

/// Word of changes to the rows of `tenants`, whoever makes them (PostgreSQL manual, LISTEN). A session of its own. One
/// thread; only cancel() may be called by another.
class ChangeFeed {
 public:
  struct Changes {
    bool gap = false;  ///< listening has just begun (again): anything may have changed before
    std::vector<TenantId> tenants;
  };

  virtual ~ChangeFeed() = default;

  /// Connects if need be. Returns as soon as there is word, or with none after `limit`. Errors: database_unavailable.
  virtual Result<Changes> wait(std::chrono::milliseconds limit) = 0;
  /// Any thread: wait() returns soon, and from now on at once.
  virtual void cancel() noexcept = 0;
};

}  // namespace mtmsg::store
