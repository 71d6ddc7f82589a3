#include "ingest/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "domain/tenant.hpp"

namespace mtmsg::ingest {
namespace {

constexpr std::chrono::milliseconds kHurryPoll{20};
/// Tries in a row after which a lock of somebody else's is no mere coincidence.
constexpr unsigned kHeldTries = 3;
/// The part of the memory budget that a held tenant may keep: one over this.
constexpr std::size_t kHeldShare = 8;

}  // namespace

Pipeline::Pipeline(Options options, store::Database& database, metrics::Registry& metrics, PipelineEvents& events)
    : options_(std::move(options)),
      database_(database),
      metrics_(metrics),
      events_(events),
      dispatcher_(options_.dispatcher) {}

Pipeline::~Pipeline() {
  stop(std::chrono::steady_clock::now());
}

void Pipeline::start() {
  const std::lock_guard lock(mutex_);
  if (started_ || stopping_) return;
  started_ = true;
  for (unsigned i = 0; i < options_.writers; ++i) {
    writers_.push_back(std::make_unique<Writer>(dispatcher_, database_.make_batch_store(), database_.dead_letters(),
                                                options_.payload, static_cast<WriterEvents&>(*this)));
  }
  links_.push_back(std::make_unique<DeliveryLink>(options_.link, dispatcher_, static_cast<DeliveryEvents&>(*this)));
  links_.front()->start();
}

// The order of stopping: consumers, inboxes, writers, acks, connections.
StopReport Pipeline::stop(std::chrono::steady_clock::time_point deadline) {
  std::uint64_t committed_before = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return *stopped_;
    stopping_ = true;
    committed_before = totals_.all();
  }
  const auto acked_before = acked();
  stop_consuming(deadline);
  dispatcher_.drain();

  StopReport report;
  report.complete = dispatcher_.wait_until_empty(deadline);
  dispatcher_.abandon();
  // What the writers give up is theirs no longer when they have ended, so it is counted while it is.
  const auto in_hand = dispatcher_.total().unacked();
  const auto committed_by_now = committed();
  if (!report.complete) {
    for (const auto& writer : writers_) writer->abandon();
  }
  join_writers();
  report.left_to_broker = in_hand - std::min(in_hand, committed() - committed_by_now);
  linger(std::min(deadline, std::chrono::steady_clock::now() + DeliveryLink::kAckGrace));
  for (const auto& link : links_) link->stop();
  report.acked = acked() - acked_before;
  const std::lock_guard lock(mutex_);
  report.committed = totals_.all() - committed_before;
  stopped_ = report;
  return report;
}

void Pipeline::join_writers() {
  decltype(writers_) writers;
  {
    const std::lock_guard lock(mutex_);
    writers.swap(writers_);
  }
}

void Pipeline::stop_consuming(std::chrono::steady_clock::time_point deadline) {
  std::vector<std::future<Result<void>>> cancelled;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [tenant, served] : tenants_) cancelled.push_back(served.link->idle(tenant));
  }
  for (const auto& done : cancelled) {
    while (done.wait_for(kHurryPoll) != std::future_status::ready) {
      if (hurrying() || std::chrono::steady_clock::now() >= deadline) return;
    }
  }
}

void Pipeline::linger(std::chrono::steady_clock::time_point until) {
  while (!hurrying() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kHurryPoll);
}

void Pipeline::hurry() noexcept {
  {
    const std::lock_guard lock(mutex_);
    hurry_ = true;
  }
  dispatcher_.abandon();
}

bool Pipeline::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool Pipeline::hurrying() const {
  const std::lock_guard lock(mutex_);
  return hurry_;
}

std::future<Result<void>> Pipeline::serve(TenantId tenant, const ServeOptions& options) {
  const std::lock_guard lock(mutex_);
  if (!started_ || stopping_) {
    std::promise<Result<void>> refused;
    refused.set_value(fail(ErrorCode::stopping, "the daemon is not consuming"));
    return refused.get_future();
  }
  auto& served = tenants_[tenant];
  served.options = options;
  if (served.link == nullptr) {
    served.link = &link_with_room();
    ++tenants_on_[served.link];
    dispatcher_.add(tenant, options);
  }
  dispatcher_.set_options(tenant, options);
  const auto order = options.ordered ? DeliveryLink::Order::strict : DeliveryLink::Order::any;
  return served.link->serve(tenant, prefetch_for(options), order);
}

std::uint16_t Pipeline::prefetch_for(const ServeOptions& options) const noexcept {
  return options.ordered ? kOrderedPrefetch : prefetch_of(options.workers, options_.batch);
}

DeliveryLink& Pipeline::link_with_room() {
  for (const auto& link : links_) {
    if (tenants_on_[link.get()] < options_.link.max_channels) return *link;
  }
  links_.push_back(std::make_unique<DeliveryLink>(options_.link, dispatcher_, static_cast<DeliveryEvents&>(*this)));
  links_.back()->admit(admission_);
  links_.back()->start();
  return *links_.back();
}

void Pipeline::remove(TenantId tenant, std::chrono::milliseconds patience) {
  auto* link = link_of(tenant);
  if (link == nullptr || stopping()) return;  // stop() ends all consumers
  const auto left = link->leave(tenant);
  if (left.wait_for(patience) != std::future_status::ready) link->drop(tenant).wait_for(patience);
  link->forget(tenant);
  dispatcher_.remove(tenant);
  const std::lock_guard lock(mutex_);
  held_.erase(tenant);
  if (tenants_.erase(tenant) > 0) --tenants_on_[link];
  // Bytes became free, and no ack will say so to a link that stopped reading.
  for (const auto& each : links_) each->room_again();
}

std::unordered_map<TenantId, ServeOptions> Pipeline::served() const {
  const std::lock_guard lock(mutex_);
  std::unordered_map<TenantId, ServeOptions> options;
  for (const auto& [tenant, served] : tenants_) options.emplace(tenant, served.options);
  return options;
}

DeliveryLink* Pipeline::link_of(TenantId tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? nullptr : found->second.link;
}

void Pipeline::on_consumer_lost(TenantId tenant, const Error& why) noexcept {
  events_.on_consumer_lost(tenant, why);
}

void Pipeline::on_delivery_link(const Result<std::string>& server) noexcept {
  events_.on_delivery_link(server);
}

void Pipeline::on_committed(const Work& work, const std::vector<PartReport>& reports) noexcept {
  for (const auto& report : reports)
    if (report.outcome.stored > 0) events_.on_stored(report.outcome.tenant, report.outcome.last_seq);
  for (const auto tenant : count(reports)) events_.on_limit_reached(tenant);
  std::unordered_map<DeliveryLink*, std::vector<DeliveryLink::Settlement>> settlements;
  for (std::size_t i = 0; i < work.parts.size(); ++i) {
    const auto& part = work.parts[i];
    if (reports[i].outcome.gone) continue;
    if (auto* link = link_of(part.tenant)) {
      settlements[link].push_back({part.tenant, part.generation, part.parcels.front().tag, part.parcels.back().tag});
    }
  }
  for (auto& [link, tags] : settlements) link->settle(std::move(tags));
  metrics_.deliveries_acked.add(work.rows());
  const std::lock_guard lock(mutex_);
  release_held(work);
  for (const auto& link : links_) {
    if (!settlements.contains(link.get())) link->room_again();
  }
}

std::vector<TenantId> Pipeline::count(const std::vector<PartReport>& reports) {
  std::vector<TenantId> full;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  for (const auto& report : reports) {
    const auto& outcome = report.outcome;
    if (outcome.gone) continue;
    count_dead_letters(report);
    metrics_.messages_stored.add(outcome.stored);
    metrics_.duplicates_suppressed.add(outcome.duplicates);
    metrics_.messages_without_id.add(report.without_id);
    const Totals part{outcome.stored, outcome.duplicates, outcome.dead_letters, report.without_id};
    const auto add = [&part](Totals& totals) {
      totals.stored += part.stored;
      totals.duplicates += part.duplicates;
      totals.dead_letters += part.dead_letters;
      totals.without_id += part.without_id;
    };
    add(totals_);
    const auto found = tenants_.find(outcome.tenant);
    if (found == tenants_.end()) continue;
    add(found->second.totals);
    found->second.settled.add(part.stored + part.duplicates + part.dead_letters, now);
    const auto most = found->second.options.max_stored_bytes;
    if (most > 0 && outcome.stored_bytes >= static_cast<std::int64_t>(most)) full.push_back(outcome.tenant);
  }
  return full;
}

void Pipeline::count_dead_letters(const PartReport& report) {
  const auto count = [this](DeadReason reason, std::uint32_t letters) {
    if (letters > 0) metrics_.dead_letters(to_string(reason)).add(letters);
  };
  count(DeadReason::invalid_json, report.invalid_json);
  count(DeadReason::too_large, report.too_large);
  count(DeadReason::delivery_limit, report.used_up);
  const auto refused_here = report.invalid_json + report.too_large + report.used_up;
  count(DeadReason::rejected_by_database,
        report.outcome.dead_letters - std::min(refused_here, report.outcome.dead_letters));
}

void Pipeline::on_tenant_failed(TenantId tenant, const Error& why) noexcept {
  if (auto* link = link_of(tenant)) link->give_back(tenant, why);
  // Bytes became free, and no ack will say so to a link that stopped reading.
  const std::lock_guard lock(mutex_);
  for (const auto& link : links_) link->room_again();
}

void Pipeline::on_attempt(const Result<void>& result, std::size_t rows, std::chrono::nanoseconds took) noexcept {
  metrics_.store_transactions.add();
  metrics_.store_seconds.observe(took);
  metrics_.batch_rows.observe(static_cast<double>(rows));
  const bool away = result.has_error() && result.error().code == ErrorCode::database_unavailable;
  if (away) metrics_.store_outages.add();
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    changed = database_away_ != away;
    note_database(away, away ? result.error().message : std::string{});
  }
  if (changed) events_.on_database(!away, away ? result.error() : Error{});
}

std::uint64_t Pipeline::committed() const {
  const std::lock_guard lock(mutex_);
  return totals_.all();
}

void Pipeline::note_database(bool away, const std::string& why) {
  const auto now = std::chrono::steady_clock::now();
  if (away && !database_away_) away_since_ = now;
  database_away_ = away;
  database_error_ = why;
  const bool long_away = away && now - away_since_ >= options_.patience;
  const auto admission = long_away ? Admission::closed : away ? Admission::hold : Admission::open;
  if (std::exchange(admission_, admission) == admission) return;
  for (const auto& link : links_) link->admit(admission);
}

void Pipeline::on_tenant_held(TenantId tenant) noexcept {
  unsigned tries = 0;
  {
    const std::lock_guard lock(mutex_);
    tries = ++held_[tenant];
    for (const auto& link : links_) link->room_again();  // its channel may have ended, and its bytes be free
  }
  if (tries != kHeldTries) return;
  // From now on it takes one message at a time, and what it has beyond its due is the broker's again: the memory is
  // everybody's.
  if (auto* link = link_of(tenant)) {
    const bool too_much = dispatcher_.waiting_bytes(tenant) > options_.link.memory_bytes / kHeldShare;
    link->narrow(tenant, too_much ? DeliveryLink::InHand::give_back : DeliveryLink::InHand::keep);
  }
  events_.on_tenant_held(tenant);
}

void Pipeline::release_held(const Work& work) {
  if (held_.empty()) return;
  for (const auto& part : work.parts) {
    const auto held = held_.find(part.tenant);
    if (held == held_.end()) continue;
    const auto served = tenants_.find(part.tenant);
    if (held->second >= kHeldTries && served != tenants_.end()) served->second.link->widen(part.tenant);
    held_.erase(held);
  }
}

std::uint64_t Pipeline::acked() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t acked = 0;
  for (const auto& link : links_) acked += link->acked();
  return acked;
}

TenantActivity Pipeline::activity(TenantId tenant) const {
  TenantActivity activity;
  const auto now = std::chrono::steady_clock::now();
  const auto counts = dispatcher_.counts(tenant);
  const auto arrivals = dispatcher_.arrivals(tenant);
  activity.crowd = dispatcher_.crowd();
  activity.memory_full = dispatcher_.in_flight_bytes() >= options_.link.memory_bytes;
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return activity;
  const auto& served = found->second;
  const auto standing = served.link->standing(tenant);
  activity.consuming = standing.consuming;
  activity.prefetch = standing.prefetch;
  activity.suspicious = standing.suspicious && counts.unacked() > 0;
  activity.workers = served.options.effective_workers();
  activity.unacked = counts.unacked();
  activity.waiting = counts.waiting;
  const auto busy = (activity.unacked + options_.batch - 1) / options_.batch;
  activity.workers_busy = static_cast<unsigned>(std::min<std::uint64_t>(busy, served.options.effective_workers()));
  activity.stored = served.totals.stored;
  activity.duplicates = served.totals.duplicates;
  activity.dead_letters = served.totals.dead_letters;
  activity.delivered_per_second = arrivals.rate.per_second(now);
  activity.settled_per_second = served.settled.per_second(now);
  if (arrivals.in_hand_since) {
    const auto since = std::max(*arrivals.in_hand_since, served.settled.last().value_or(*arrivals.in_hand_since));
    activity.in_hand_for = std::chrono::duration_cast<std::chrono::milliseconds>(now - *arrivals.in_hand_since);
    activity.stuck_for = std::chrono::duration_cast<std::chrono::seconds>(now - since);
  }
  const auto held = held_.find(tenant);
  activity.held = held != held_.end() && held->second >= kHeldTries;
  activity.writers_all_busy =
      std::all_of(writers_.begin(), writers_.end(), [](const auto& writer) { return writer->busy(); });
  return activity;
}

PipelineStatus Pipeline::status() const {
  PipelineStatus status;
  status.unacked = dispatcher_.total().unacked();
  status.in_flight_bytes = dispatcher_.in_flight_bytes();
  status.acked = acked();
  const std::lock_guard lock(mutex_);
  status.links = static_cast<unsigned>(links_.size());
  for (const auto& link : links_) {
    status.delivery_link = link->status();
    if (!status.delivery_link.connected) break;
  }
  status.writers = static_cast<unsigned>(writers_.size());
  for (const auto& writer : writers_) status.writers_busy += writer->busy() ? 1 : 0;
  status.database_away = database_away_;
  status.database_error = database_error_;
  status.tenants = tenants_.size();
  status.stored = totals_.stored;
  status.duplicates = totals_.duplicates;
  status.dead_letters = totals_.dead_letters;
  status.without_id = totals_.without_id;
  return status;
}

}  // namespace mtmsg::ingest
