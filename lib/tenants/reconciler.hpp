#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "broker/control.hpp"
#include "core/backoff.hpp"
#include "ingest/pipeline.hpp"
#include "store/tenant_store.hpp"
#include "tenants/known_tenants.hpp"
#include "tenants/plan.hpp"
#include "tenants/service.hpp"

namespace mtmsg::tenants {

/// What the reconciler tells its owner; any thread; must not throw.
class ReconcilerEvents {
 public:
  /// The database can be used (migrated), or why not; once per change.
  virtual void on_store(const Result<void>& usable) noexcept = 0;
  /// A plan failed; it is tried again later. Once per change of the error.
  virtual void on_tenant_delayed(const Tenant& tenant, const Error& why) noexcept = 0;
  virtual void on_tenant(const Tenant& tenant, std::string_view what) noexcept = 0;  ///< "created", "deleted" …
  virtual void on_step(const Tenant& tenant, Step step) noexcept = 0;                ///< it is done
  virtual void on_tenant_full(TenantId tenant) noexcept = 0;  ///< its messages wait in its queue; once per change

 protected:
  ~ReconcilerEvents() = default;
};

/// Makes broker, partitions and consumers follow the rows of `tenants`, and carries out what the API asks. What a
/// crash or an outage interrupts, it (or the next daemon that looks) finishes: the row is the truth. Any thread.
class Reconciler final : public TenantService {
 public:
  struct Options {
    store::DaemonId self;
    TenantDefaults defaults;
    std::chrono::milliseconds patience{10'000};      ///< for what is in hand, and for whoever holds a partition
    std::chrono::milliseconds reread_every{30'000};  ///< the net under changes made by other daemons
    std::chrono::milliseconds courtesy{5'000};       ///< for the daemon that began something to finish it
    Backoff::Limits retry{std::chrono::milliseconds(250), std::chrono::milliseconds(30'000)};
  };

  /// `prepare` makes the schema fit (migrates if it may) and says why it can't be used; called until it succeeds.
  Reconciler(Options options, std::function<Result<void>()> prepare, store::TenantStore& store,
             broker::Control& control, ingest::Pipeline& pipeline, ReconcilerEvents& events);
  ~Reconciler() override;

  void start();
  /// Ends what it is at after the present step. Idempotent.
  void stop();
  /// The same without waiting for it.
  void ask_to_stop();

  /// The tenant's consumer is gone: repair what it needs, soon. Does not block.
  void repair(TenantId tenant);
  /// Somebody changed the tenant's row, perhaps another daemon. Does not block.
  void heard_of(TenantId tenant);
  /// It keeps as many bytes as it may: let its messages wait. Does not block.
  void became_full(TenantId tenant);
  /// Messages of it were removed: if it was full, look whether it still is. Does not block.
  void became_smaller(TenantId tenant);
  /// Look at the whole table now. Does not block.
  void reread();
  /// The database can be used and the tenants in it were given to the pipeline; else why not.
  Result<void> ready() const;

  Result<Tenant> create(const NewTenant& request) override;
  Result<std::vector<Tenant>> list() override;
  Result<TenantPage> page(const TenantQuery& query) override { return store_.page(query); }
  Result<Tenant> find(std::string_view id_or_name) override;
  Result<TenantView> view(const store::Reader& reader, const Tenant& tenant) override;
  /// All tenants, as they were seen last; without the database.
  std::vector<Tenant> remembered() const { return known_.all(); }
  std::optional<Tenant> recall(std::string_view id_or_name) override { return known_.find(id_or_name); }
  TenantFacts facts(const store::Reader& reader, const Tenant& tenant, Database database) override;
  Result<Tenant> update(TenantId tenant, const TenantUpdate& change) override;
  Result<Removal> remove(TenantId tenant, const store::Deletion& how) override;
  const TenantDefaults& defaults() const override { return options_.defaults; }
  Result<std::vector<Orphan>> orphans(const std::vector<TenantId>& candidates) override;
  Result<void> remove_orphan(TenantId tenant) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Task {
    Clock::time_point due;  ///< kTaken while a plan for it is carried out, or after a repair
    Clock::time_point repaired{};
    Situation situation = Situation::fresh;
    bool courtesy = false;  ///< it waits for another daemon to finish
    Backoff backoff;
    std::string last_error;
  };
  /// How far a plan came.
  struct Progress {
    bool finished = true;
    std::string waits_for;
  };
  /// What a plan may wait for.
  enum class Await {
    others,   ///< a delete the API was asked for: other daemons too
    ours,     ///< the API: what is in hand here
    nothing,  ///< the reconciler's thread: all tenants depend on it
  };

  void run();
  bool prepare_store();
  void look_at_all();
  void look_at(TenantId tenant, Situation situation);
  void look_again(const Tenant& tenant);
  void later(TenantId tenant, Situation situation);
  /// Tries again later; tells, unless `why` has no words.
  void delayed(const Tenant& tenant, Situation situation, const Error& why);
  bool sleep_until(Clock::time_point due);
  bool stopping() const;
  std::shared_ptr<std::mutex> lock_of(TenantId tenant);

  Flow flow_of(const Tenant& tenant) const;
  bool note_full(TenantId tenant, bool full);
  /// Of the reconciler's thread with whoever holds the tenant's partition.
  std::chrono::milliseconds patience_with(TenantId tenant);
  /// Nobody consumes from it, so nobody hears when somebody deletes its queue.
  void look_for_queue(const Tenant& tenant);
  ingest::ServeOptions serve_options(const Tenant& tenant) const;
  Result<void> check_fullness(const Tenant& tenant);
  /// Of one that was found full before.
  Result<void> recheck_fullness(const Tenant& tenant);

  Result<Progress> carry_out(const Tenant& tenant, Situation situation, Await await);
  Result<Progress> carry_out(const Tenant& tenant, Step step, Await await);
  Result<Progress> await_others(const Tenant& tenant, Await await);
  Result<Progress> check_empty(const Tenant& tenant);
  Result<void> check(const Tenant& tenant, const TenantUpdate& change) const;
  Result<void> serve(const Tenant& tenant);

  const Options options_;
  const std::function<Result<void>()> prepare_;
  store::TenantStore& store_;
  broker::Control& control_;
  ingest::Pipeline& pipeline_;
  ReconcilerEvents& events_;
  KnownTenants known_;

  mutable std::mutex mutex_;  ///< guards all below
  std::condition_variable wake_;
  std::map<TenantId, Task> tasks_;
  std::map<TenantId, std::weak_ptr<std::mutex>> locks_;  ///< one plan at a time per tenant
  std::set<TenantId> full_;
  Result<void> ready_;
  bool reread_ = true;
  bool news_ = false;  ///< something above changed since the thread looked
  bool stopping_ = false;
  std::mt19937 random_;
  Clock::time_point next_long_look_{};  ///< of the reconciler's thread

  std::thread thread_;
};

}  // namespace mtmsg::tenants
