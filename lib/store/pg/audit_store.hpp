#pragma once

#include <chrono>

#include "store/audit_store.hpp"
#include "store/pg/pool.hpp"

namespace mtmsg::store::pg {

class PgAuditStore final : public AuditStore {
 public:
  PgAuditStore(Pool& pool, std::chrono::milliseconds statement_timeout)
      : pool_(pool), statement_timeout_(statement_timeout) {}

  Result<void> append(const AuditEntry& entry) override;
  Result<AuditPage> page(const AuditQuery& query) override;

 private:
  void insert(const AuditEntry& entry, const std::string& detail);

  Pool& pool_;
  const std::chrono::milliseconds statement_timeout_;
};

}  // namespace mtmsg::store::pg
