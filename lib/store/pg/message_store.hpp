#pragma once

#include <chrono>
#include <cstddef>

#include "store/message_store.hpp"
#include "store/pg/pool.hpp"

namespace mtmsg::store::pg {

class PgMessageStore final : public MessageStore {
 public:
  PgMessageStore(Pool& pool, std::chrono::milliseconds statement_timeout, std::size_t max_page_bytes)
      : pool_(pool), statement_timeout_(statement_timeout), max_page_bytes_(max_page_bytes) {}

  Result<Page> page(const Reader& reader, TenantId tenant, const PageQuery& query) override;
  Result<std::vector<std::pair<TenantId, Sequence>>> last_numbers(const std::vector<TenantId>& tenants) override;
  Result<StoredMessage> get(const Reader& reader, TenantId tenant, MessageId id) override;
  Result<Erased> erase(TenantId tenant, MessageId id) override;

 private:
  Pool& pool_;
  const std::chrono::milliseconds statement_timeout_;
  const std::size_t max_page_bytes_;
};

}  // namespace mtmsg::store::pg
