#pragma once

#include <chrono>

#include "store/pg/pool.hpp"
#include "store/retention_store.hpp"

namespace mtmsg::store::pg {

class PgRetentionStore final : public RetentionStore {
 public:
  PgRetentionStore(Pool& pool, std::chrono::milliseconds statement_timeout)
      : pool_(pool), statement_timeout_(statement_timeout) {}

  Result<std::vector<Retained>> retained(const TenantLimits& defaults) override;
  Result<Removed> remove_oldest(TenantId tenant, Sequence below, std::chrono::seconds age, int most) override;
  Result<std::int64_t> remove_audit(std::chrono::seconds age, int most) override;

 private:
  Pool& pool_;
  const std::chrono::milliseconds statement_timeout_;
};

}  // namespace mtmsg::store::pg
