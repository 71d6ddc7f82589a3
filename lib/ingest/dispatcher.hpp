#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"
#include "core/rate_meter.hpp"
#include "ingest/parcel.hpp"
#include "ingest/scheduler.hpp"
#include "ingest/serve_options.hpp"

namespace mtmsg::ingest {

/// What a writer carries through one transaction. A suspicious parcel is alone in it, and so is
/// a tenant that was postponed.
struct Work {
  struct Part {
    TenantId tenant;
    Generation generation;  ///< of the channel all its parcels came through
    std::vector<Parcel> parcels;
    ServeOptions options;           ///< as they were when it was taken
    std::uint64_t transaction = 0;  ///< 1, 2, 3 … in the order they were given out
  };
  std::vector<Part> parts;
  std::size_t rows() const noexcept;
};

/// The place where links and writers meet: the tenants' inboxes and the scheduler that chooses from them. Any thread.
///
/// A delivery is either waiting in its inbox, or being written as part of one Work; both count as in flight. Bounded
/// by the tenants' prefetch, and by `in_flight_bytes()`, which the links keep below the budget by not reading on.
///
/// A tenant that was written and has more rests until the transactions that began before its own are over, but no
/// longer than a moment: its small transaction must not come round again and again beside a neighbour's large one, or
/// the shares would be of transactions, not of rows. Whoever has nothing waiting when its transaction ends never rests.
class Dispatcher {
 public:
  struct Limits {
    Scheduler::Limits scheduler;
    std::size_t tenants = 200;    ///< of one transaction: each is a lock on a partition and its indexes
    std::size_t bytes = 8 << 20;  ///< of one transaction; a single larger message goes alone
  };

  struct Counts {
    std::uint64_t waiting = 0;  ///< rows
    std::uint64_t writing = 0;  ///< rows
    std::uint64_t unacked() const noexcept { return waiting + writing; }
  };

  explicit Dispatcher(Limits limits);

  // For links.

  void add(TenantId tenant, const ServeOptions& options);
  void set_options(TenantId tenant, const ServeOptions& options);
  /// Throws away what waits. What is being written is finished by its writer; if the tenant is added again meanwhile,
  /// its next transaction waits for that.
  void remove(TenantId tenant);
  /// For a new channel: no two of any tenant and link are the same.
  Generation next_generation() noexcept { return {++last_generation_}; }
  /// A new channel: what waits came through the old one and will be delivered again.
  void restart(TenantId tenant, Generation generation);
  /// Puts parcels of a tenant into its inbox; those of another generation than its newest are dropped.
  struct Arrival {
    TenantId tenant;
    Generation generation;
    Parcel parcel;
  };
  void deliver(std::span<Arrival> arrivals);

  // For writers.

  /// Waits for work; nullopt once drain() was called and nothing waits, or after abandon().
  std::optional<Work> take();
  /// The transaction is over, however it ended. Called before the acks are sent.
  void finished(const Work& work);
  /// It can't be stored and goes back to the queue: what waits behind it, too, or it would overtake.
  void failed(const Work& work);
  /// The part could not be stored for somebody else's sake: it waits again, before what came later, and its tenant is
  /// out of the round for so long.
  void postpone(Work::Part part, std::chrono::milliseconds wait);

  // For everybody.

  /// From now on take() returns what still waits, then nullopt.
  void drain();
  /// From now on take() returns nullopt.
  void abandon();
  /// Waits until nothing is in flight (true), or the deadline or abandon() came first (false).
  bool wait_until_empty(std::chrono::steady_clock::time_point deadline);
  Counts counts(TenantId tenant) const;
  /// How its deliveries come.
  struct Arrivals {
    RateMeter rate;  ///< deliveries; what the broker delivers again counts again
    std::optional<std::chrono::steady_clock::time_point>
        in_hand_since;  ///< of the tenant, without a break; nothing: none is
  };
  Arrivals arrivals(TenantId tenant) const;
  /// The tenants that want to be stored, or are, and their workers together.
  struct Crowd {
    std::size_t tenants = 0;
    std::size_t workers = 0;
  };
  Crowd crowd() const;
  Counts total() const;
  /// What the deliveries in flight really take: a burst's memory is freed with its last delivery.
  std::size_t in_flight_bytes() const noexcept { return memory_.bytes(); }
  /// For the bursts of links. Outlives them.
  CountedMemory& memory() noexcept { return memory_; }
  /// Of one tenant, without what is being written.
  std::size_t waiting_bytes(TenantId tenant) const;

 private:
  struct Inbox {
    Generation generation;
    std::deque<Parcel> parcels;
    std::uint64_t writing = 0;
    Arrivals arrivals;
    ServeOptions options;
    bool alone = false;    ///< was postponed: the next time it holds up nobody but itself
    bool removed = false;  ///< stays for what is being written
  };

  /// A tenant whose next turn waits for older transactions.
  struct Rest {
    std::uint64_t transaction;  ///< its last one
    TenantId tenant;
    std::chrono::steady_clock::time_point due;  ///< when it goes on in any case
  };

  Work assemble();
  /// How many of the inbox's first `most` parcels go into a transaction that has `bytes` already.
  std::size_t choose(const Inbox& inbox, std::size_t most, std::size_t& bytes) const;
  /// Until when take() may wait at most.
  std::optional<std::chrono::steady_clock::time_point> next_due() const;
  void part_over(const Work::Part& part);
  bool older_runs(std::uint64_t transaction) const;
  void end_rests();
  void end_postponements();
  void throw_away(TenantId tenant, Inbox& inbox);
  using Inboxes = std::unordered_map<TenantId, Inbox>;
  void written(Inboxes::iterator inbox, std::size_t rows);

  const Limits limits_;
  CountedMemory memory_;
  std::atomic<std::uint64_t> last_generation_{0};
  mutable std::mutex mutex_;       ///< guards all below
  std::condition_variable ready_;  ///< writers wait for work
  std::condition_variable empty_;  ///< wait_until_empty
  Scheduler scheduler_;
  Inboxes inboxes_;
  std::multimap<std::chrono::steady_clock::time_point, TenantId> postponed_;  ///< by when they may go on
  std::map<std::uint64_t, std::size_t> running_;  ///< transactions, and how many of their parts are not over
  std::uint64_t last_transaction_ = 0;
  std::vector<Rest> resting_;
  std::uint64_t waiting_ = 0;
  std::uint64_t writing_ = 0;
  bool draining_ = false;
  bool abandoned_ = false;
};

}  // namespace mtmsg::ingest
