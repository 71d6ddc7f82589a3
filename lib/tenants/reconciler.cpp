#include "tenants/reconciler.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace mtmsg::tenants {
namespace {

/// Due never: somebody is at it, or it only remembers when it was repaired.
constexpr auto kTaken = std::chrono::steady_clock::time_point::max();

/// A consumer answers within the session's RPC limits; this only guards against a link that is stuck.
constexpr std::chrono::seconds kServeLimit{30};

std::string named(const Tenant& tenant) {
  return "tenant " + tenant.name + " (" + tenant.id.to_string() + ")";
}

ingest::ServeOptions serve_options(const Tenant& tenant) {
  ingest::ServeOptions options;
  options.workers = tenant.workers;
  options.ordered = tenant.ordered;
  return options;
}

broker::TenantQueue queue_of(const Tenant& tenant) {
  broker::TenantQueue queue;
  queue.ordered = tenant.ordered;
  return queue;
}

bool is_outage(const Error& error) {
  return error.code == ErrorCode::broker_unavailable || error.code == ErrorCode::database_unavailable ||
         error.code == ErrorCode::timeout;
}

}  // namespace

Reconciler::Reconciler(Options options, std::function<Result<void>()> prepare, store::TenantStore& store,
                       broker::Control& control, ingest::Pipeline& pipeline, ReconcilerEvents& events)
    : options_(options),
      prepare_(std::move(prepare)),
      store_(store),
      control_(control),
      pipeline_(pipeline),
      events_(events),
      ready_(fail(ErrorCode::database_unavailable, "the database has not answered yet")),
      random_(std::random_device{}()) {}

Reconciler::~Reconciler() {
  stop();
}

void Reconciler::start() {
  thread_ = std::thread([this] { run(); });
}

void Reconciler::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Reconciler::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void Reconciler::repair(TenantId tenant) {
  later(tenant, Situation::broken);
  wake_.notify_all();
}

void Reconciler::reread() {
  {
    const std::lock_guard lock(mutex_);
    reread_ = true;
    news_ = true;
  }
  wake_.notify_all();
}

Result<void> Reconciler::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

// The reconciler's thread.

void Reconciler::run() {
  if (!prepare_store()) return;
  auto next_reread = Clock::now();
  for (;;) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    news_ = false;
    if (std::exchange(reread_, false) || Clock::now() >= next_reread) {
      lock.unlock();
      look_at_all();
      next_reread = Clock::now() + options_.reread_every;
      continue;
    }
    const auto first = std::min_element(tasks_.begin(), tasks_.end(),
                                        [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    if (first != tasks_.end() && first->second.due <= Clock::now()) {
      const auto tenant = first->first;
      const auto situation = first->second.situation;
      first->second.due = kTaken;  // a repair() from now on is seen
      lock.unlock();
      look_at(tenant, situation);
      continue;
    }
    const auto due = first == tasks_.end() ? next_reread : std::min(next_reread, first->second.due);
    wake_.wait_until(lock, due, [this] { return stopping_ || news_; });
  }
}

bool Reconciler::prepare_store() {
  Backoff backoff;
  std::string last_error;
  for (;;) {
    const auto usable = prepare_();
    const auto message = usable.has_error() ? usable.error().message : std::string{};
    if (usable.has_value() || message != last_error) events_.on_store(usable);
    last_error = message;
    if (usable.has_value()) return true;
    {
      const std::lock_guard lock(mutex_);
      ready_ = usable.error();
    }
    if (!sleep_until(Clock::now() + backoff.next(static_cast<std::uint32_t>(random_())))) return false;
  }
}

bool Reconciler::sleep_until(Clock::time_point due) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_until(lock, due, [this] { return stopping_; });
}

void Reconciler::look_at_all() {
  const auto tenants = store_.list();
  if (tenants.has_error()) {
    const std::lock_guard lock(mutex_);
    if (ready_.has_error()) ready_ = tenants.error();
    return;
  }
  auto served = pipeline_.served();
  for (const auto& tenant : *tenants) {
    const auto known = served.find(tenant.id);
    if (tenant.state != TenantState::active) {
      later(tenant.id, Situation::fresh);
    } else if (known == served.end() || known->second != serve_options(tenant)) {
      // Not waited for: with thousands of tenants the broker answers them all at once. A failure comes back as
      // repair().
      pipeline_.serve(tenant.id, serve_options(tenant));
    }
    if (known != served.end()) served.erase(known);
  }
  // What is left was deleted, by another daemon.
  for (const auto& [tenant, options] : served) {
    const auto row = store_.find(tenant);
    const bool deleted = row.has_error() && row.error().code == ErrorCode::not_found;
    if (deleted) pipeline_.remove(tenant, options_.patience);
  }
  const std::lock_guard lock(mutex_);
  ready_ = Result<void>{};
}

void Reconciler::later(TenantId tenant, Situation situation) {
  const std::lock_guard lock(mutex_);
  news_ = true;
  const auto [task, fresh] = tasks_.try_emplace(tenant);
  if (fresh || task->second.due == kTaken) {
    // What a repair did not help is tried again more and more rarely: each round costs every message that was in hand
    // one delivery.
    auto& known = task->second;
    const bool again = known.repaired != Clock::time_point{} && Clock::now() - known.repaired < 2 * options_.retry.cap;
    if (!again) known.backoff = Backoff(options_.retry);
    const auto wait = again ? known.backoff.next(static_cast<std::uint32_t>(random_())) : std::chrono::milliseconds(0);
    known.due = Clock::now() + wait;
  }
  if (situation == Situation::broken) task->second.situation = situation;
}

void Reconciler::look_at(TenantId id, Situation situation) {
  const auto tenant = store_.find(id);
  if (tenant.has_error()) {
    if (tenant.error().code == ErrorCode::not_found) {
      pipeline_.remove(id, options_.patience);
      const std::lock_guard lock(mutex_);
      tasks_.erase(id);
      return;
    }
    Tenant unknown;
    unknown.id = id;
    return delayed(unknown, situation, tenant.error());
  }
  const auto progress = carry_out(*tenant, situation);
  if (progress.has_error()) return delayed(*tenant, situation, progress.error());
  if (*progress == Progress::waiting) {
    return delayed(*tenant, situation, fail(ErrorCode::timeout, "a long transaction holds the tenant's partition"));
  }
  const std::lock_guard lock(mutex_);
  const auto task = tasks_.find(id);
  if (task == tasks_.end() || task->second.due != kTaken) return;  // asked for again meanwhile
  if (situation == Situation::broken) {
    task->second.repaired = Clock::now();
    task->second.situation = Situation::fresh;
    task->second.last_error.clear();
  } else {
    tasks_.erase(task);
  }
}

void Reconciler::delayed(const Tenant& tenant, Situation situation, const Error& why) {
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    auto& task = tasks_[tenant.id];
    if (situation == Situation::broken) task.situation = situation;
    if (task.backoff.tries() == 0) task.backoff = Backoff(options_.retry);
    task.due = Clock::now() + task.backoff.next(static_cast<std::uint32_t>(random_()));
    news = task.last_error != why.message;
    task.last_error = why.message;
  }
  if (news) events_.on_tenant_delayed(tenant, why);
}

bool Reconciler::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

std::shared_ptr<std::mutex> Reconciler::lock_of(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  std::erase_if(locks_, [](const auto& entry) { return entry.second.expired(); });
  auto& known = locks_[tenant];
  auto shared = known.lock();
  if (!shared) known = shared = std::make_shared<std::mutex>();
  return shared;
}

// Plans: on the reconciler's thread or on the caller's.

Result<Reconciler::Progress> Reconciler::carry_out(const Tenant& tenant, Situation situation) {
  const auto tenant_lock = lock_of(tenant.id);
  const std::lock_guard lock(*tenant_lock);
  // Somebody else may have been faster while this one waited.
  const auto now = store_.find(tenant.id);
  if (now.has_error()) {
    if (now.error().code == ErrorCode::not_found && tenant.state == TenantState::deleting) return Progress::finished;
    return now.error();
  }
  for (const auto step : plan(now->state, situation)) {
    if (stopping()) return fail(ErrorCode::stopping, "the daemon stops; the next one that looks goes on");
    auto progress = carry_out(*now, step);
    if (progress.has_error() || *progress == Progress::waiting) return progress;
  }
  if (now->state == TenantState::creating) events_.on_tenant(*now, "created");
  if (now->state == TenantState::deleting) events_.on_tenant(*now, "deleted");
  if (situation == Situation::broken) events_.on_tenant(*now, "repaired");
  return Progress::finished;
}

Result<Reconciler::Progress> Reconciler::carry_out(const Tenant& tenant, Step step) {
  const auto finished = [](const auto& result) -> Result<Progress> {
    if (result.has_error()) return result.error();
    return Progress::finished;
  };
  switch (step) {
    case Step::ensure_partition:
      return finished(store_.ensure_partition(tenant.id));
    case Step::declare_topology:
      return finished(control_.declare_tenant(tenant.id, queue_of(tenant)));
    case Step::serve:
      return finished(serve(tenant));
    case Step::mark_active:
      return finished(store_.set_state(tenant.id, TenantState::active));
    case Step::stop_consumer:
      pipeline_.remove(tenant.id, options_.patience);
      return Progress::finished;
    case Step::delete_topology:
      return finished(control_.delete_tenant(tenant.id));
    case Step::remove_counter:
      return finished(store_.remove_counter(tenant.id));
    case Step::drop_partition: {
      const auto detached = store_.drop_partition(tenant.id, options_.patience);
      if (detached.has_error()) return detached.error();
      return *detached == store::Detach::done ? Progress::finished : Progress::waiting;
    }
    case Step::remove_row:
      return finished(store_.remove_row(tenant.id));
  }
  return Progress::finished;
}

Result<void> Reconciler::serve(const Tenant& tenant) {
  auto standing = pipeline_.serve(tenant.id, serve_options(tenant));
  if (standing.wait_for(kServeLimit) != std::future_status::ready) {
    return fail(ErrorCode::timeout, "RabbitMQ did not answer the start of the consumer in time");
  }
  return standing.get();
}

// TenantService.

Result<Tenant> Reconciler::create(const NewTenant& request) {
  if (auto name = check_tenant_name(request.name); name.has_error()) return name.error();
  const auto workers = request.workers.value_or(options_.limits.default_workers);
  if (auto fits = check_workers(workers, options_.limits.max_workers, options_.limits.batch); fits.has_error()) {
    return fits.error();
  }
  if (const auto broker = control_.status(); !broker.connected) {
    return fail(ErrorCode::broker_unavailable,
                "tenant " + request.name + " was not created: RabbitMQ is away (" + broker.last_error + ")");
  }
  const auto tenant = store_.create(request.name, workers);
  if (tenant.has_error()) return tenant.error();
  const auto progress = carry_out(*tenant, Situation::fresh);
  if (progress.has_error()) {
    repair(tenant->id);
    return Error(progress.error()).with_context(named(*tenant) + " is recorded and will be completed by the daemon");
  }
  return store_.find(tenant->id);
}

Result<std::vector<Tenant>> Reconciler::list() {
  return store_.list();
}

Result<Tenant> Reconciler::find(std::string_view id_or_name) {
  const auto id = TenantId::parse(id_or_name);
  return id ? store_.find(*id) : store_.find_by_name(id_or_name);
}

Result<TenantView> Reconciler::view(const Tenant& tenant) {
  TenantView view{tenant, {}, {}, pipeline_.activity(tenant.id)};
  const auto counts = store_.counts(tenant.id);
  // While it is being deleted the counter goes before the row.
  if (counts.has_error() && counts.error().code != ErrorCode::not_found) return counts.error();
  if (counts.has_value()) view.counts = *counts;
  if (auto depth = control_.depth(tenant.id); depth.has_value()) view.queue = *depth;
  return view;
}

Result<Tenant> Reconciler::set_workers(TenantId id, unsigned workers) {
  if (auto fits = check_workers(workers, options_.limits.max_workers, options_.limits.batch); fits.has_error()) {
    return fits.error();
  }
  auto tenant = store_.set_workers(id, workers);
  if (tenant.has_error() || tenant->state != TenantState::active) return tenant;
  const auto tenant_lock = lock_of(id);
  const std::lock_guard lock(*tenant_lock);
  // Somebody else may have changed or deleted it while this one waited.
  tenant = store_.find(id);
  if (tenant.has_error() || tenant->state != TenantState::active) return tenant;
  const auto served = serve(*tenant);
  // With the broker away the new number counts from the next connection on.
  if (served.has_error() && !is_outage(served.error())) return served.error();
  return tenant;
}

Result<Removal> Reconciler::remove(TenantId id) {
  const auto tenant = store_.set_state(id, TenantState::deleting);
  if (tenant.has_error()) return tenant.error();
  const auto progress = carry_out(*tenant, Situation::fresh);
  if (progress.has_value() && *progress == Progress::finished) return Removal::done;
  reread();
  if (progress.has_error() && !is_outage(progress.error())) {
    return Error(progress.error()).with_context(named(*tenant) + " is being deleted; the daemon goes on trying");
  }
  return Removal::in_progress;
}

}  // namespace mtmsg::tenants
