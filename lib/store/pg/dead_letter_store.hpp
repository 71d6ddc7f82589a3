#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "store/dead_letter_store.hpp"
#include "store/pg/pool.hpp"

namespace mtmsg::store::pg {

class PgDeadLetterStore final : public DeadLetterStore {
 public:
  PgDeadLetterStore(Pool& pool, std::chrono::milliseconds statement_timeout, std::size_t max_page_bytes)
      : pool_(pool), statement_timeout_(statement_timeout), max_page_bytes_(max_page_bytes) {}

  Result<DeadLetterPage> page(const Reader& reader, TenantId tenant, const DeadLetterFilter& filter, Sequence cursor,
                              unsigned limit) override;
  Result<DeadLetter> get(const Reader& reader, TenantId tenant, Sequence seq) override;
  Result<std::int64_t> count(const Reader& reader, TenantId tenant, const DeadLetterFilter& filter) override;
  Result<std::vector<DeadLetter>> claim(TenantId tenant, std::span<const Sequence> letters,
                                        std::size_t max_bytes) override;
  Result<LastTry> begin_last_try(TenantId tenant, MessageId id, unsigned max_tries, MessageId kept_as,
                                 Timestamp at) override;
  Result<void> take_back_last_try(TenantId tenant, MessageId id) override;
  Result<std::int64_t> purge(TenantId tenant, const DeadLetterFilter& filter, Sequence cursor, unsigned limit) override;
  Result<std::int64_t> purge(TenantId tenant, std::span<const Sequence> letters) override;

 private:
  /// Deletes what `condition` names, and lowers the tenant's counter by those that were not replayed.
  Result<std::int64_t> remove(TenantId tenant, const std::string& condition);

  Pool& pool_;
  const std::chrono::milliseconds statement_timeout_;
  const std::size_t max_page_bytes_;
};

}  // namespace mtmsg::store::pg
