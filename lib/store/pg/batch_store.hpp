#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "store/batch_store.hpp"
#include "store/pg/batch_plan.hpp"
#include "store/pg/connection.hpp"

namespace mtmsg::store::pg {

/// The writer's transaction: lock, drop what is stored already, COPY, dead letters, counters, commit. On the happy path
/// three round trips: BEGIN with its limits and the lock; SAVEPOINT and COPY; counters and COMMIT.
class PgBatchStore final : public BatchStore {
 public:
  PgBatchStore(ConnectionSettings settings, std::chrono::milliseconds statement_timeout)
      : settings_(std::move(settings)), statement_timeout_(statement_timeout) {}

  Result<std::vector<TenantOutcome>> store(const Batch& batch) override;
  void cancel() noexcept override;

 private:
  void connect();
  void disconnect() noexcept;
  std::vector<TenantOutcome> run(const Batch& batch);
  /// BEGIN, and the counters' locks; those that somebody else keeps for long are done without.
  std::unique_ptr<Transaction> begin(BatchPlan& plan);
  std::string begin_and_lock(const BatchPlan& plan, const char* lock_timeout, const char* skip) const;
  void take_locks(BatchPlan& plan, const pqxx::result& locked) const;
  void find_held(BatchPlan& plan);
  void hold(BatchPlan& plan, std::size_t tenant);
  /// True when a tenant of the batch has a partition that somebody else locks: it is done without.
  bool hold_locked_partitions(BatchPlan& plan);
  void end_frozen_daemons();
  /// The messages and the dead letters. When somebody locks these, without those who have some.
  void write(BatchPlan& plan);
  /// Whether there is a savepoint before the rows.
  bool copy(BatchPlan& plan);
  /// What the failed COPY calls for; throws when nothing of ours can mend it.
  void mend(BatchPlan& plan, const SqlFailure& failure, int attempt);
  void drop_stored(BatchPlan& plan, bool all_tenants);
  void ask_about_rows(BatchPlan& plan, const SqlFailure& failure);
  [[noreturn]] void report_missing_partitions(const BatchPlan& plan);
  void record_dead_letters(const std::vector<BatchPlan::DeadLetter>& letters);
  void send_large_body(std::string_view body);
  void redeem_dead_letters(const std::vector<BatchPlan::Redeemed>& redeemed);
  void count_and_commit(const BatchPlan& plan);
  bool suspects(const BatchPlan& plan, const BatchPlan::Tenant& tenant) const;
  void suspect(const Batch& batch);

  const ConnectionSettings settings_;
  const std::chrono::milliseconds statement_timeout_;

  // The writer's thread only.
  std::unique_ptr<Connection> connection_;
  CopyRows rows_;
  std::unordered_map<TenantId, unsigned> suspects_;  ///< batches left that look for stored ids first
  std::unordered_set<TenantId> held_;                ///< somebody else had their counters or partitions

  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;  ///< guards interrupter_
  std::shared_ptr<Interrupter> interrupter_;
};

}  // namespace mtmsg::store::pg
