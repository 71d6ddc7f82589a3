#include "store/pg/change_feed.hpp"

namespace mtmsg::store::pg {

Result<ChangeFeed::Changes> PgChangeFeed::wait(std::chrono::milliseconds limit) {
  return guard([&]() -> Result<Changes> {
    Changes changes;
    if (connect()) {
      changes.gap = true;
      return changes;
    }
    try {
      for (const auto& payload : connection_->notifications(limit))
        if (const auto id = TenantId::parse(payload)) changes.tenants.push_back(*id);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      interrupter_.reset();
      connection_.reset();
      throw;
    }
    return changes;
  });
}

bool PgChangeFeed::connect() {
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) throw Failure(Error{ErrorCode::database_unavailable, "listening was cancelled"});
  }
  if (connection_) return false;
  auto fresh = std::make_unique<Connection>(direct_);
  fresh->exec("listen mtmsg_tenants");
  const std::lock_guard lock(mutex_);
  interrupter_ = fresh->interrupter();
  connection_ = std::move(fresh);
  return true;
}

void PgChangeFeed::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (interrupter_) interrupter_->interrupt();
}

}  // namespace mtmsg::store::pg
