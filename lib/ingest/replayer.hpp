#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/result.hpp"
#include "domain/dead_letter.hpp"
#include "domain/payload.hpp"
#include "store/database.hpp"

namespace mtmsg::ingest {

/// Tries dead letters again: straight into the store, in one transaction with the mark that it was done, so that a
/// letter is never replayed twice and whoever asked knows at once what became of it. Any thread; one replay at a time,
/// so replays never take more than one writer's share.
class Replayer {
 public:
  Replayer(store::Database& database, PayloadLimits limits)
      : letters_(database.dead_letters()),
        tenants_(database.tenants()),
        store_(database.make_batch_store()),
        validator_(limits) {}

  /// One result for each of `letters`, in order of their numbers. Errors: not_found (the tenant), timeout (somebody
  /// holds the tenant's counter), rate_limited (another replay is under way: not waited for, for the sake of the
  /// threads of the API), database_unavailable: then what is marked is done, and the same call again does the
  /// rest.
  Result<std::vector<Replayed>> replay(TenantId tenant, std::span<const Sequence> letters);

  /// Any thread, for stopping: a replay that waits on the database gives up.
  void cancel() noexcept { store_->cancel(); }

 private:
  /// Holds the turn, if it came within the time.
  class Turn {
   public:
    Turn(Replayer& replayer, std::chrono::milliseconds patience);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const noexcept { return came_; }

   private:
    Replayer& replayer_;
    bool came_ = false;
  };

  Result<std::vector<Replayed>> store(const Tenant& tenant, std::span<const DeadLetter> claimed);
  /// What is not replayed now was refused: the letters say why.
  Result<void> tell_refused(TenantId tenant, std::vector<Replayed>& results);

  store::DeadLetterStore& letters_;
  store::TenantStore& tenants_;
  const std::unique_ptr<store::BatchStore> store_;
  PayloadValidator validator_;

  // A turn is for store_'s calls and validator_. Not a std::timed_mutex: gcc 12's thread sanitizer does not know how it
  // is locked.
  std::mutex mutex_;
  std::condition_variable turn_ended_;
  bool taken_ = false;  ///< guarded by mutex_
};

}  // namespace mtmsg::ingest
