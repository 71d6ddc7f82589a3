#include "tenants/reconciler.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace mtmsg::tenants {
namespace {

/// Due never: somebody is at it, or it only remembers when it was repaired.
constexpr auto kTaken = std::chrono::steady_clock::time_point::max();

/// While a call waits for other daemons.
constexpr std::chrono::milliseconds kHoldersPoll{50};

/// How long the reconciler's thread waits for whoever holds a partition before it looks after the others.
constexpr std::chrono::milliseconds kGlance{300};
/// And now and then, after it glanced in vain so often: what holds it may be many short ones that overlap.
constexpr std::chrono::seconds kLongLook{5};
constexpr std::chrono::seconds kBetweenLongLooks{30};
constexpr unsigned kGlances = 4;

/// A consumer answers within the session's RPC limits; this only guards against a link that is stuck.
constexpr std::chrono::seconds kServeLimit{30};

std::string named(const Tenant& tenant) {
  return "tenant " + tenant.name + " (" + tenant.id.to_string() + ")";
}

/// An ordered tenant's prefetch can't become narrow, so whatever brings the daemon down costs its messages in hand a
/// delivery, and one that is given up for it would be missing in the order. Those of its own that bring it down never
/// get that far (Writer); the limit is for what is worse than foreseen.
constexpr std::uint32_t kOrderedDeliveries = 10;

QueueArguments arguments_for(bool ordered, QueueArguments configured) {
  if (ordered && configured.delivery_limit) *configured.delivery_limit *= kOrderedDeliveries;
  return configured;
}

broker::TenantQueue queue_of(const Tenant& tenant) {
  return {tenant.ordered, tenant.queue.quorum, tenant.queue.delivery_limit,
          tenant.limits.value(Limit::max_queue_length)};
}

/// Why a limit that RabbitMQ fixed can't change, and the way out.
std::string fixed_limit(const Tenant& tenant, Limit limit, std::optional<std::uint64_t> value) {
  const auto queue = broker::tenant_queue(tenant.id);
  const auto why =
      "RabbitMQ fixed " + std::string(row_of(limit).name) + " when the queue of " + named(tenant) + " was declared";
  // Of policy and argument the lower one counts (RabbitMQ, "Parameters and Policies").
  const auto present = tenant.limits.value(limit);
  const bool lower = value.value_or(0) > 0 && (present == 0 || *value < present);
  if (!lower) return why + ": it can't be raised or taken away; create another tenant";
  return why + ". A policy can make it lower: rabbitmqctl set_policy -p VIRTUAL_HOST --apply-to queues " + queue +
         " '^" + queue + "$' '{\"max-length\":" + std::to_string(*value) + ",\"overflow\":\"reject-publish\"}'";
}

/// A tenant's own value: within the limit's bounds, and no larger than what every message is held to.
Result<void> check_own_limit(Limit limit, std::uint64_t value, const TenantLimits& defaults) {
  if (auto fits = check_limit(limit, value); fits.has_error()) return fits;
  const auto configured = defaults.value(limit);
  if (limit != Limit::max_message_bytes || configured == 0 || value <= configured) return {};
  return fail(ErrorCode::invalid_argument,
              "max_message_bytes of a tenant can't be above the configured limits.max_message_bytes, " +
                  std::to_string(configured));
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

void Reconciler::heard_of(TenantId tenant) {
  later(tenant, Situation::elsewhere);
  wake_.notify_all();
}

void Reconciler::became_full(TenantId tenant) {
  if (!note_full(tenant, true)) return;
  events_.on_tenant_full(tenant);
  later(tenant, Situation::fresh);
  wake_.notify_all();
}

void Reconciler::became_smaller(TenantId id) {
  {
    const std::lock_guard lock(mutex_);
    if (!full_.contains(id)) return;
  }
  later(id, Situation::fresh);
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
      first->second.courtesy = false;
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
  const auto full = store_.full(options_.defaults.limits);
  if (tenants.has_error() || full.has_error()) {
    const std::lock_guard lock(mutex_);
    if (ready_.has_error()) ready_ = tenants.has_error() ? tenants.error() : full.error();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    full_ = {full->begin(), full->end()};
  }
  known_.replace(*tenants);
  auto served = pipeline_.served();
  for (const auto& tenant : *tenants) {
    const auto known = served.find(tenant.id);
    if (tenant.state != TenantState::active) {
      later(tenant.id, Situation::fresh);
    } else if (flow_of(tenant) == Flow::shut) {
      if (known != served.end()) later(tenant.id, Situation::fresh);
      look_for_queue(tenant);
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
    const bool helped = known.repaired != Clock::time_point{} && Clock::now() - known.repaired > 2 * options_.retry.cap;
    const bool again = !known.last_error.empty() || (known.repaired != Clock::time_point{} && !helped);
    if (!again) known.backoff = Backoff(options_.retry);
    const auto wait = again ? known.backoff.next(static_cast<std::uint32_t>(random_())) : std::chrono::milliseconds(0);
    known.due = Clock::now() + wait;
  }
  auto& known = task->second;
  if (situation == Situation::elsewhere && known.due != kTaken && !fresh) {
    // News of what is waited for. As long as that is another daemon's business it stays so.
    known.due = Clock::now();
    if (known.courtesy) known.situation = situation;
    return;
  }
  // Broken asks for more than fresh, and fresh for more than elsewhere.
  if (fresh || situation == Situation::broken || known.situation == Situation::elsewhere) known.situation = situation;
}

void Reconciler::look_at(TenantId id, Situation situation) {
  const auto tenant = store_.find(id);
  if (tenant.has_error()) {
    if (tenant.error().code == ErrorCode::not_found) {
      known_.forget(id);
      pipeline_.remove(id, options_.patience);
      const std::lock_guard lock(mutex_);
      tasks_.erase(id);
      return;
    }
    Tenant unknown;
    unknown.id = id;
    return delayed(unknown, situation, tenant.error());
  }
  known_.note(*tenant);
  const auto progress = carry_out(*tenant, situation, Await::nothing);
  if (progress.has_error()) return delayed(*tenant, situation, progress.error());
  if (!progress->finished) return delayed(*tenant, situation, fail(ErrorCode::timeout, progress->waits_for));
  if (situation == Situation::elsewhere && tenant->state != TenantState::active) return look_again(*tenant);
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

void Reconciler::look_again(const Tenant& tenant) {
  const std::lock_guard lock(mutex_);
  auto& task = tasks_[tenant.id];
  if (task.due != kTaken) return;
  task.situation = Situation::fresh;
  task.courtesy = true;
  task.due = Clock::now() + options_.courtesy;
}

void Reconciler::delayed(const Tenant& tenant, Situation situation, const Error& why) {
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    auto& task = tasks_[tenant.id];
    if (situation == Situation::broken) task.situation = situation;
    if (task.backoff.tries() == 0) task.backoff = Backoff(options_.retry);
    task.due = Clock::now() + task.backoff.next(static_cast<std::uint32_t>(random_()));
    news = !why.message.empty() && task.last_error != why.message;
    if (news) task.last_error = why.message;
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

Result<Reconciler::Progress> Reconciler::carry_out(const Tenant& tenant, Situation situation, Await await) {
  const auto tenant_lock = lock_of(tenant.id);
  std::unique_lock lock(*tenant_lock, std::defer_lock);
  if (await != Await::nothing) {
    lock.lock();
  } else if (!lock.try_lock()) {
    // A call is at it. What was changed elsewhere was then changed by it.
    return Progress{situation == Situation::elsewhere, {}};
  }
  // Somebody else may have been faster while this one waited.
  const auto now = store_.find(tenant.id);
  if (now.has_error()) {
    if (now.error().code == ErrorCode::not_found && tenant.state == TenantState::deleting) return Progress{};
    return now.error();
  }
  known_.note(*now);
  if (auto done = recheck_fullness(*now); done.has_error()) return done.error();
  for (const auto step : plan(*now, situation, flow_of(*now))) {
    if (stopping()) return fail(ErrorCode::stopping, "the daemon stops; the next one that looks goes on");
    auto progress = carry_out(*now, step, await);
    if (progress.has_error() || !progress->finished) return progress;
    events_.on_step(*now, step);
  }
  if (situation == Situation::elsewhere) return Progress{};
  if (now->state == TenantState::creating) events_.on_tenant(*now, "created");
  if (now->state == TenantState::deleting) {
    known_.forget(now->id);
    events_.on_tenant(*now, "deleted");
  }
  if (situation == Situation::broken) events_.on_tenant(*now, "repaired");
  return Progress{};
}

Result<Reconciler::Progress> Reconciler::carry_out(const Tenant& tenant, Step step, Await await) {
  const auto finished = [](const auto& result) -> Result<Progress> {
    if (result.has_error()) return result.error();
    return Progress{};
  };
  const auto detached = [](const Result<store::Detach>& result) -> Result<Progress> {
    if (result.has_error()) return result.error();
    if (*result == store::Detach::done) return Progress{};
    return Progress{false, "a long transaction holds the tenant's partition"};
  };
  const auto patience = await == Await::nothing ? patience_with(tenant.id) : options_.patience;
  switch (step) {
    case Step::ensure_partition:
      return finished(store_.ensure_partition(tenant.id));
    case Step::declare_topology:
      return finished(control_.declare_tenant(tenant.id, queue_of(tenant)));
    case Step::serve:
      return finished(serve(tenant));
    case Step::mark_active:
      return finished(store_.mark_active(tenant.id));
    case Step::stop_consumer:
      pipeline_.remove(tenant.id, options_.patience);
      return Progress{};
    case Step::release:
      return finished(store_.release(tenant.id, options_.self));
    case Step::await_others:
      return await_others(tenant, await);
    case Step::check_empty:
      return check_empty(tenant);
    case Step::delete_topology:
      return finished(control_.delete_tenant(tenant.id));
    case Step::remove_counter:
      return finished(store_.remove_counter(tenant.id));
    case Step::drop_partition:
      return detached(store_.drop_partition(tenant.id, patience));
    case Step::keep_partition:
      return detached(store_.keep_partition(tenant.id, patience));
    case Step::remove_row:
      return finished(store_.remove_row(tenant.id));
  }
  return Progress{};
}

std::chrono::milliseconds Reconciler::patience_with(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  const auto task = tasks_.find(tenant);
  const bool in_vain = task != tasks_.end() && task->second.backoff.tries() >= kGlances;
  if (!in_vain || Clock::now() < next_long_look_) return kGlance;
  next_long_look_ = Clock::now() + kBetweenLongLooks;
  return std::min<std::chrono::milliseconds>(kLongLook, options_.patience);
}

Result<Reconciler::Progress> Reconciler::await_others(const Tenant& tenant, Await await) {
  const auto until = Clock::now() + (await == Await::others ? options_.patience : std::chrono::milliseconds(0));
  for (;;) {
    const auto holders = store_.holders(tenant.id);
    if (holders.has_error()) return holders.error();
    if (holders->empty()) return Progress{};
    const auto& first = holders->front();
    if (Clock::now() >= until || !sleep_until(Clock::now() + kHoldersPoll))
      return Progress{false, "the daemon on " + first.host + " (pid " + std::to_string(first.pid) +
                                 ") has not let go of the tenant yet"};
  }
}

Result<Reconciler::Progress> Reconciler::check_empty(const Tenant& tenant) {
  // What is gone already was found empty before.
  const auto counts = store_.counts(store::Reader::everybody(), tenant.id);
  if (counts.has_error() && counts.error().code == ErrorCode::not_found) return Progress{};
  if (counts.has_error()) return counts.error();
  const auto depth = control_.depth(tenant.id);
  if (depth.has_error() && depth.error().code != ErrorCode::not_found) return depth.error();
  // Of a daemon that is silent, or of a stranger: what it has in hand is not counted as waiting.
  if (depth.has_value() && depth->consumers > 0)
    return Progress{false, "somebody still consumes from the tenant's queue, and may have messages in hand"};
  const auto stored = counts->last_seq.value - counts->oldest_seq.value + 1;
  const auto waiting = depth.has_value() ? depth->ready : 0;
  if (stored <= 0 && waiting == 0) return Progress{};
  if (const auto spared = store_.spare(tenant.id); spared.has_error()) return spared.error();
  return fail(ErrorCode::conflict, named(tenant) + " is not empty and was not deleted: " + std::to_string(stored) +
                                       " messages are stored, " + std::to_string(waiting) + " wait in its queue");
}

Result<void> Reconciler::serve(const Tenant& tenant) {
  auto standing = pipeline_.serve(tenant.id, serve_options(tenant));
  if (standing.wait_for(kServeLimit) != std::future_status::ready) {
    return fail(ErrorCode::timeout, "RabbitMQ did not answer the start of the consumer in time");
  }
  return standing.get();
}

// What a row means here.

Flow Reconciler::flow_of(const Tenant& tenant) const {
  const std::lock_guard lock(mutex_);
  return tenant.paused || full_.contains(tenant.id) ? Flow::shut : Flow::open;
}

ingest::ServeOptions Reconciler::serve_options(const Tenant& tenant) const {
  const auto limits = tenant.limits.over(options_.defaults.limits);
  ingest::ServeOptions options;
  options.workers = tenant.workers;
  options.ordered = tenant.ordered;
  options.max_message_bytes = limits.value(Limit::max_message_bytes);
  options.max_stored_bytes = limits.value(Limit::max_stored_bytes);
  return options;
}

void Reconciler::look_for_queue(const Tenant& tenant) {
  const auto depth = control_.depth(tenant.id);
  if (depth.has_error() && depth.error().code == ErrorCode::not_found) later(tenant.id, Situation::broken);
}

bool Reconciler::note_full(TenantId tenant, bool full) {
  const std::lock_guard lock(mutex_);
  return full ? full_.insert(tenant).second : full_.erase(tenant) > 0;
}

Result<void> Reconciler::recheck_fullness(const Tenant& tenant) {
  {
    const std::lock_guard lock(mutex_);
    if (!full_.contains(tenant.id)) return {};
  }
  return tenant.state == TenantState::active ? check_fullness(tenant) : Result<void>{};
}

Result<void> Reconciler::check_fullness(const Tenant& tenant) {
  const auto most = tenant.limits.over(options_.defaults.limits).value(Limit::max_stored_bytes);
  const auto counts = store_.counts(store::Reader::everybody(), tenant.id);
  if (counts.has_error()) return counts.error();
  note_full(tenant.id, most > 0 && counts->stored_bytes >= static_cast<std::int64_t>(most));
  return {};
}

// TenantService.

Result<Tenant> Reconciler::create(const NewTenant& request) {
  if (auto name = check_tenant_name(request.name); name.has_error()) return name.error();
  const auto& defaults = options_.defaults;
  const auto workers = request.workers.value_or(request.ordered ? 1 : defaults.workers);
  if (auto fits = check_workers(workers, request.ordered ? 1 : defaults.max_workers, defaults.batch); fits.has_error())
    return request.ordered ? Error(fits.error()).with_context("an ordered tenant has one worker") : fits.error();
  for (const auto& row : limit_rows()) {
    const auto& value = request.limits[row.limit];
    if (!value) continue;
    if (auto fits = check_own_limit(row.limit, *value, defaults.limits); fits.has_error()) return fits.error();
  }
  if (const auto broker = control_.status(); !broker.connected) {
    const auto made = request.idempotency ? store_.made_under(*request.idempotency) : std::optional<Tenant>{};
    if (made.has_error()) return made.error();
    const auto away = "RabbitMQ is away (" + broker.last_error + ")";
    return fail(ErrorCode::broker_unavailable,
                *made ? named(**made) + " is recorded and will be completed by the daemon: " + away
                      : "tenant " + request.name + " was not created: " + away);
  }
  const auto arguments = arguments_for(request.ordered, defaults.queue);
  store::TenantRow row{request.name, workers, request.ordered, request.limits, arguments, request.idempotency};
  auto& queue_length = row.limits[Limit::max_queue_length];
  queue_length = row.limits.over(defaults.limits).value(Limit::max_queue_length);
  const auto tenant = store_.create(row);
  if (tenant.has_error() && is_outage(tenant.error()))
    return Error(tenant.error())
        .with_context("whether tenant " + request.name +
                      " was recorded is unknown; the same request with the same Idempotency-Key tells");
  if (tenant.has_error()) return tenant.error();
  if (auto usable = tenant->state == TenantState::deleting ? check_active(*tenant) : Result<void>{}; usable.has_error())
    return usable.error();
  const auto progress = carry_out(*tenant, Situation::fresh, Await::ours);
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

Result<TenantView> Reconciler::view(const store::Reader& reader, const Tenant& tenant) {
  TenantView view;
  view.tenant = tenant;
  view.activity = pipeline_.activity(tenant.id);
  view.limits = tenant.limits.over(options_.defaults.limits);
  const auto counts = store_.counts(reader, tenant.id);
  // While it is being deleted the counter goes before the row.
  if (counts.has_error() && counts.error().code != ErrorCode::not_found) return counts.error();
  if (counts.has_value()) view.counts = *counts;
  const auto most = view.limits.value(Limit::max_stored_bytes);
  view.full = most > 0 && view.counts.stored_bytes >= static_cast<std::int64_t>(most);
  if (auto depth = control_.depth(tenant.id); depth.has_value()) view.queue = *depth;
  return view;
}

Result<void> Reconciler::check(const Tenant& tenant, const TenantUpdate& change) const {
  const auto& defaults = options_.defaults;
  if (change.workers && tenant.ordered && *change.workers != 1)
    return fail(ErrorCode::immutable, named(tenant) + " is ordered: it has one worker");
  if (change.workers) {
    if (auto fits = check_workers(*change.workers, defaults.max_workers, defaults.batch); fits.has_error())
      return fits.error();
  }
  for (const auto& [limit, value] : change.limits) {
    if (row_of(limit).fixed) return fail(ErrorCode::immutable, fixed_limit(tenant, limit, value));
    if (!value) continue;
    if (auto fits = check_own_limit(limit, *value, defaults.limits); fits.has_error()) return fits.error();
  }
  return {};
}

Result<Tenant> Reconciler::update(TenantId id, const TenantUpdate& change) {
  auto tenant = store_.find(id);
  if (tenant.has_error()) return tenant.error();
  if (auto fits = check(*tenant, change); fits.has_error()) return fits.error();
  tenant = store_.update(id, change);
  if (tenant.has_error() || tenant->state != TenantState::active) return tenant;
  if (!change.limits.empty()) {
    if (auto done = check_fullness(*tenant); done.has_error()) return done.error();
  }
  auto progress = carry_out(*tenant, Situation::fresh, Await::ours);
  // Somebody deleted its queue while it was paused.
  if (progress.has_error() && progress.error().code == ErrorCode::not_found)
    progress = carry_out(*tenant, Situation::broken, Await::ours);
  if (progress.has_error()) {
    // With the broker away it counts from the next connection on; and so it does for a tenant that was paused.
    if (!is_outage(progress.error())) return progress.error();
    reread();
  }
  return store_.find(id);
}

Result<Removal> Reconciler::remove(TenantId id, const store::Deletion& how) {
  const auto before = store_.find(id);
  if (before.has_error()) return before.error();
  if (how.if_empty && before->state != TenantState::deleting) {
    // The cheap answer first: it stops nobody. What counts is check_empty.
    const auto counts = store_.counts(store::Reader::everybody(), id);
    if (counts.has_value() && counts->last_seq.value >= counts->oldest_seq.value)
      return fail(ErrorCode::conflict,
                  "tenant " + id.to_string() + " is not empty and was not deleted: it has stored " +
                      std::to_string(counts->last_seq.value - counts->oldest_seq.value + 1) + " messages");
  }
  const auto tenant = store_.mark_deleting(id, how);
  if (tenant.has_error()) return tenant.error();
  if (tenant->delete_if_empty != how.if_empty || tenant->keep_messages != how.keep_messages)
    return fail(ErrorCode::conflict, named(*tenant) + " is being deleted already, " +
                                         (tenant->keep_messages ? "keeping its messages" : "with its messages") +
                                         (tenant->delete_if_empty ? ", if it is empty" : "") +
                                         ": that can't be changed any more");
  const auto progress = carry_out(*tenant, Situation::fresh, Await::others);
  if (progress.has_value() && progress->finished) return Removal::done;
  reread();
  if (progress.has_error() && progress.error().code == ErrorCode::conflict) return progress.error();
  if (progress.has_error() && !is_outage(progress.error())) {
    return Error(progress.error()).with_context(named(*tenant) + " is being deleted; the daemon goes on trying");
  }
  return Removal::in_progress;
}

Result<std::vector<Orphan>> Reconciler::orphans(const std::vector<TenantId>& candidates) {
  const auto stored = store_.orphans();
  if (stored.has_error()) return stored.error();
  std::map<TenantId, Orphan> found;
  for (const auto& orphan : *stored) found[orphan.tenant].stored = orphan;
  for (const auto id : candidates) {
    const auto row = store_.find(id);
    if (row.has_value()) continue;
    if (row.error().code != ErrorCode::not_found) return row.error();
    found[id].stored.tenant = id;
  }
  std::vector<Orphan> all;
  for (auto& [id, orphan] : found) {
    const auto depth = control_.depth(id);
    if (depth.has_value()) orphan.queue = *depth;
    if (depth.has_error() && depth.error().code != ErrorCode::not_found) return depth.error();
    const bool stands = orphan.queue || orphan.stored.partition || orphan.stored.dead_letters > 0;
    if (stands) all.push_back(orphan);
  }
  return all;
}

Result<void> Reconciler::remove_orphan(TenantId id) {
  const auto row = store_.find(id);
  if (row.has_value()) return fail(ErrorCode::conflict, named(*row) + " is no orphan: delete the tenant");
  if (row.error().code != ErrorCode::not_found) return row.error();
  if (const auto depth = control_.depth(id); depth.has_value()) {
    // A broker may serve several installations, whose queues name other dead-letter exchanges: RabbitMQ compares.
    Tenant lost;
    lost.limits[Limit::max_queue_length] = options_.defaults.limits.value(Limit::max_queue_length);
    Result<void> same;
    for (const bool ordered : {false, true}) {
      lost.ordered = ordered;
      lost.queue = arguments_for(ordered, options_.defaults.queue);
      same = control_.declare_tenant(id, queue_of(lost));
      if (!same.has_error() || same.error().code != ErrorCode::conflict) break;
    }
    if (same.has_error() && same.error().code == ErrorCode::conflict)
      return fail(ErrorCode::conflict, broker::tenant_queue(id) +
                                           " was declared by another installation, or with other limits than the "
                                           "configured ones, and was left alone. If it is yours: rabbitmqctl "
                                           "delete_queue " +
                                           broker::tenant_queue(id));
    if (same.has_error()) return same.error();
  }
  if (auto deleted = control_.delete_tenant(id); deleted.has_error()) return deleted.error();
  const auto dropped = store_.drop_partition(id, options_.patience);
  if (dropped.has_error()) return dropped.error();
  if (*dropped == store::Detach::waiting)
    return fail(ErrorCode::timeout, "a long transaction holds the partition; try again later");
  return store_.remove_row(id);
}

}  // namespace mtmsg::tenants
