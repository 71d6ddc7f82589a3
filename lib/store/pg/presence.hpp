#pragma once

#include "store/pg/pool.hpp"
#include "store/presence.hpp"

namespace mtmsg::store::pg {

class PgPresence final : public Presence {
 public:
  PgPresence(Pool& pool, std::chrono::milliseconds statement_timeout)
      : pool_(pool), statement_timeout_(statement_timeout) {}

  Result<void> beat(const Daemon& self) override;
  Result<std::vector<DaemonSeen>> list() override;
  Result<void> leave(DaemonId self) override;

 private:
  Pool& pool_;
  const std::chrono::milliseconds statement_timeout_;
};

}  // namespace mtmsg::store::pg
