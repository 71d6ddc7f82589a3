#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "core/ids.hpp"

namespace mtmsg::ingest {

/// Whose rows go into the next transaction: deficit round robin (Shreedhar and Varghese, 1995) over the tenants that
/// have rows waiting and none being written. Pure: no thread, no clock, no I/O.
///
/// A round over all active tenants (rows waiting, or being written) is about one transaction, in which each gets rows
/// in proportion to its workers, unless that would leave fewer than `fair_rows` on average (a transaction over very
/// many tenants with a row or two each is slow); then a round takes several transactions. What a tenant was owed and
/// did not get, because a transaction was full, it keeps and gets first the next time. A tenant without waiting rows
/// is owed nothing.
class Scheduler {
 public:
  struct Limits {
    std::size_t rows = 1000;     ///< of one transaction
    std::size_t fair_rows = 64;  ///< average an active tenant gets per round, at least
  };

  struct Turn {
    TenantId tenant;
    std::size_t rows;  ///< may take up to this many, at least 1
  };

  Scheduler() = default;
  explicit Scheduler(Limits limits) : limits_(limits) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void add(TenantId tenant, unsigned workers);
  void set_workers(TenantId tenant, unsigned workers);
  /// Forgets it and its waiting rows.
  void remove(TenantId tenant);

  /// More rows wait for this tenant.
  void arrived(TenantId tenant, std::size_t rows);
  /// Its waiting rows were thrown away (their channel is gone).
  void discarded(TenantId tenant);

  /// True when next() would give somebody a turn.
  bool has_ready() const noexcept { return !ring_.empty(); }

  /// Tenants with rows waiting or being written, and their workers together.
  std::size_t active() const noexcept { return active_; }
  std::size_t active_workers() const noexcept { return active_workers_; }

  /// The next tenant for a transaction that can still take `room` rows (at least 1). Every turn is answered by took()
  /// before next() is called again.
  std::optional<Turn> next(std::size_t room);
  /// The tenant of the last turn gave `rows` of its rows (0 to what the turn allowed) to the transaction. With 1 or
  /// more it is being written, and out of the round until finished(). `filled_alone`: these rows were the first and
  /// filled the transaction (by bytes), so its turn is over and nothing is owed to it.
  void took(std::size_t rows, bool filled_alone = false);
  /// Its transaction is over.
  void finished(TenantId tenant);

 private:
  struct Share {
    TenantId tenant;
    unsigned workers = 1;
    std::size_t waiting = 0;
    std::size_t deficit = 0;    ///< rows it is still owed in this round
    std::size_t remainder = 0;  ///< what rounding kept back, in parts of a row
    bool writing = false;
    bool in_ring = false;
    bool active = false;  ///< counted in active_ and active_workers_
  };

  std::size_t quantum(Share& share) const noexcept;
  void recount(Share& share);
  void enter(Share& share, bool first);
  void leave(Share& share);
  Share& front();

  Limits limits_{};
  std::unordered_map<TenantId, Share> shares_;
  std::deque<TenantId> ring_;
  std::size_t active_ = 0;
  std::size_t active_workers_ = 0;
  std::optional<Turn> turn_;
};

}  // namespace mtmsg::ingest
