#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/batch_store.hpp"
#include "store/pg/copy_rows.hpp"

namespace mtmsg::store::pg {

/// What a transaction does with each message of a batch. Decides, and does no I/O: the store tells it what PostgreSQL
/// said, and asks it what to send. The batch must outlive it. One thread.
class BatchPlan {
 public:
  enum class Fate { keep, repeated, stored_before, refused };

  struct Entry {
    const IncomingMessage* message;
    std::size_t row;  ///< in rows(); kNoRow for what was refused before
    Fate fate = Fate::keep;
  };

  struct Tenant {
    TenantId id;
    std::size_t begin = 0;  ///< its entries
    std::size_t end = 0;
    enum class Counter { missing, held_by_others, ours } counter = Counter::missing;
    bool taken() const noexcept { return counter == Counter::ours; }
    Sequence last_seq;
    Timestamp created_at;
    std::int64_t stored_bytes = 0;  ///< before the batch
    std::uint32_t kept = 0;
    std::int64_t kept_bytes = 0;
  };

  /// A refused message. The same id several times is one dead letter that arrived several times.
  struct DeadLetter {
    TenantId tenant;
    const IncomingMessage* message;
    const Refusal* refusal;
    std::uint32_t arrivals = 1;  ///< none of what is tried again: it arrived before
  };

  static constexpr std::size_t kNoRow = SIZE_MAX;

  /// Encodes every row. `rows` is the caller's, so that its memory is used again; it is cleared here.
  BatchPlan(const Batch& batch, CopyRows& rows);

  /// The counter is ours: the tenant takes part, from last_seq on, at this time.
  void locked(std::size_t tenant, Sequence last_seq, Timestamp created_at, std::int64_t stored_bytes = 0);
  /// The counter is there, but somebody else's for now.
  void held_by_others(std::size_t tenant) { tenants_[tenant].counter = Tenant::Counter::held_by_others; }
  /// PostgreSQL has this id already.
  void stored_before(std::size_t tenant, MessageId id);
  void refused(std::size_t entry, Refusal why);

  /// Settles who is kept, gives numbers in the order of the batch, and marks the rows to send. Again after each change:
  /// the second arrival of an id is kept when the first turned out to be refused. Returns how many are kept.
  std::size_t settle();

  /// The entries PostgreSQL may still object to: of locked tenants, not refused, not stored before.
  std::vector<std::size_t> open_entries() const;
  std::vector<DeadLetter> dead_letters() const;
  /// What was tried again and is a message now, or was one before, or is a letter of its own now.
  struct Redeemed {
    TenantId tenant;
    const IncomingMessage* message;
  };
  std::vector<Redeemed> redeemed() const;
  std::vector<TenantOutcome> outcomes() const;

  const std::vector<Tenant>& tenants() const { return tenants_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  CopyRows& rows_;
  std::vector<Tenant> tenants_;
  std::vector<Entry> entries_;
  std::unordered_map<std::size_t, Refusal> refusals_;                         ///< by entry: PostgreSQL's
  std::unordered_map<std::size_t, std::unordered_set<MessageId>> known_ids_;  ///< by tenant
};

}  // namespace mtmsg::store::pg
