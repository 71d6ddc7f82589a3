#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "core/backoff.hpp"
#include "core/result.hpp"
#include "domain/payload.hpp"
#include "ingest/dispatcher.hpp"
#include "store/batch_store.hpp"
#include "store/dead_letter_store.hpp"

namespace mtmsg::ingest {

/// What became of one tenant's part of a Work.
struct PartReport {
  store::TenantOutcome outcome;
  std::uint32_t without_id = 0;
  std::uint32_t invalid_json = 0;  ///< of outcome.dead_letters, those the validator refused
  std::uint32_t too_large = 0;     ///< likewise
  std::uint32_t used_up = 0;       ///< of outcome.dead_letters, those that were tried too often
};

/// What a writer tells its owner, on the writer's thread; must not throw.
class WriterEvents {
 public:
  /// Committed: the part's deliveries may be acknowledged, except those of tenants that are `gone`.
  virtual void on_committed(const Work& work, const std::vector<PartReport>& reports) noexcept = 0;
  /// The tenant's part can't be stored for a reason that is neither an outage nor the messages' fault, such as a
  /// missing partition. Its deliveries belong back in the queue.
  virtual void on_tenant_failed(TenantId tenant, const Error& why) noexcept = 0;
  /// Somebody else holds the tenant's counter; its part is tried again, the others are stored meanwhile. At each try.
  virtual void on_tenant_held(TenantId tenant) noexcept = 0;
  /// Every transaction: how it ended (an outage is database_unavailable), how many rows it was for, how long it took.
  virtual void on_attempt(const Result<void>& result, std::size_t rows, std::chrono::nanoseconds took) noexcept = 0;

 protected:
  ~WriterEvents() = default;
};

/// A thread with its own connection: takes what the scheduler gives, validates, stores it in one transaction, and
/// during an outage tries the same again, with back-off, until it succeeds or is told to abandon.
///
/// An ordered tenant's prefetch never becomes narrow, so a message that brings the daemon down would pass the broker's
/// delivery limit together with those behind it, and they would be given up with it. So its tries are put on record
/// before they begin, as those of a message that the broker gave up are (GivenUpConsumer): after kMaxTries it is a dead
/// letter, and it never gets as far as the broker's limit. Each of those behind it is stored at its first try.
class Writer {
 public:
  Writer(Dispatcher& dispatcher, std::unique_ptr<store::BatchStore> store, store::DeadLetterStore& letters,
         PayloadLimits limits, WriterEvents& events);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Any thread: gives up what it is at; nothing of it is acknowledged. The dispatcher has been abandoned before.
  void abandon() noexcept;
  bool busy() const noexcept { return busy_; }

 private:
  void run();
  void carry(Work work);
  void carry_on_record(Work work);
  /// A verdict that the part has already; nullopt: it is to be tried.
  Result<std::optional<PartReport>> put_on_record(Work::Part& part);
  /// The daemon outlived it, so the message is not what brings it down.
  void take_back_try(Work::Part& part);
  void carry_alone(Work::Part part, const store::TenantBatch& batch);
  void settle(Work work, const store::Batch& batch, const std::vector<store::TenantOutcome>& outcomes);
  /// No more of the dispatcher's: its bytes are free. `failed`: it goes back to the queue.
  enum class Ended { done, failed };
  void release(Work& work, Ended ended);
  store::Batch validate(const Work& work);
  /// Until it succeeds; the error is not an outage, or `stopping`.
  Result<std::vector<store::TenantOutcome>> store_through_outages(const store::Batch& batch);
  /// What `ask` answers when the database does; the error is not an outage, or `stopping`.
  template <class Ask>
  auto insist(Ask ask) -> decltype(ask());
  /// timeout: somebody else holds the tenant's counter, so it is tried again later.
  void not_stored(Work work, const Error& why);
  void postpone(Work::Part part);
  bool wait(std::chrono::milliseconds time);

  Dispatcher& dispatcher_;
  const std::unique_ptr<store::BatchStore> store_;
  store::DeadLetterStore& letters_;
  PayloadValidator validator_;
  WriterEvents& events_;
  std::mt19937 random_;

  std::atomic<bool> busy_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool abandoned_ = false;  ///< guarded by mutex_

  std::thread thread_;  ///< last: it uses everything above
};

}  // namespace mtmsg::ingest
