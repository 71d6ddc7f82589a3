#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "store/retention_store.hpp"

namespace mtmsg::tenants {

/// What is remembered of a tenant between two looks, so that one whose messages are young costs no statement of its
/// own.
struct RetentionMemory {
  Sequence oldest_seq;
  std::chrono::steady_clock::time_point due;  ///< when its oldest message will be too old
};

/// What to remove of a tenant now. Pure.
struct Cut {
  Sequence below;            ///< the numbers below go
  bool look_at_age = false;  ///< and those that are too old
  bool needed() const noexcept { return look_at_age || below.value > 0; }
};
Cut cut_of(const store::Retained& tenant, const RetentionMemory* memory, std::chrono::steady_clock::time_point now);

/// Removes messages, and entries of the audit log, past their retention, in small steps, from a thread of its own. Any
/// number of daemons may do so at once: they don't wait for each other.
class Retention {
 public:
  struct Options {
    TenantLimits defaults;
    std::chrono::milliseconds every{15'000};
    int step = 1000;                    ///< messages a transaction removes
    int steps_in_a_row = 20;            ///< of one tenant, before the others get their turn
    std::chrono::seconds audit_age{0};  ///< older entries of the audit log go; 0: none
    std::chrono::milliseconds audit_every{3'600'000};
  };
  /// `removed` is told of a tenant that became smaller, on the thread of this class; must not throw.
  Retention(Options options, store::RetentionStore& store, std::function<void(TenantId)> removed)
      : options_(options), store_(store), removed_(std::move(removed)) {}
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();
  void ask_to_stop();
  /// Idempotent.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  /// True: there is more to remove.
  bool round();
  bool shorten_audit();
  bool remove_some(const store::Retained& tenant, const Cut& cut);
  bool stopping() const;

  const Options options_;
  store::RetentionStore& store_;
  const std::function<void(TenantId)> removed_;

  std::map<TenantId, RetentionMemory> memory_;  ///< the thread's
  Clock::time_point audit_due_{};               ///< likewise

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< guarded by mutex_

  std::thread thread_;
};

}  // namespace mtmsg::tenants
