#include "ingest/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace mtmsg::ingest {
namespace {

/// About what a transaction takes under load. One that takes much longer waits for something, and need not be waited
/// for.
constexpr std::chrono::milliseconds kLongestRest{50};

}  // namespace

std::size_t Work::rows() const noexcept {
  std::size_t rows = 0;
  for (const auto& part : parts) rows += part.parcels.size();
  return rows;
}

Dispatcher::Dispatcher(Limits limits) : limits_(limits), scheduler_(limits.scheduler) {}

void Dispatcher::add(TenantId tenant, const ServeOptions& options) {
  const std::lock_guard lock(mutex_);
  auto& inbox = inboxes_[tenant];
  inbox.removed = false;
  inbox.options = options;
  scheduler_.add(tenant, options.effective_workers());
}

void Dispatcher::set_options(TenantId tenant, const ServeOptions& options) {
  const std::lock_guard lock(mutex_);
  const auto found = inboxes_.find(tenant);
  if (found == inboxes_.end()) return;
  found->second.options = options;
  scheduler_.set_workers(tenant, options.effective_workers());
}

void Dispatcher::remove(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  const auto found = inboxes_.find(tenant);
  if (found == inboxes_.end()) return;
  auto& inbox = found->second;
  throw_away(tenant, inbox);
  std::erase_if(postponed_, [tenant](const auto& entry) { return entry.second == tenant; });
  std::erase_if(resting_, [tenant](const auto& rest) { return rest.tenant == tenant; });
  inbox.removed = true;
  inbox.alone = false;
  inbox.generation = {};
  if (inbox.writing == 0) written(found, 0);
}

/// Rows of it are not being written any more.
void Dispatcher::written(Inboxes::iterator found, std::size_t rows) {
  auto& inbox = found->second;
  inbox.writing -= std::min<std::uint64_t>(inbox.writing, rows);
  if (inbox.removed && inbox.writing == 0) {
    scheduler_.remove(found->first);
    inboxes_.erase(found);
  }
}

void Dispatcher::restart(TenantId tenant, Generation generation) {
  const std::lock_guard lock(mutex_);
  const auto found = inboxes_.find(tenant);
  if (found == inboxes_.end() || found->second.removed) return;
  throw_away(tenant, found->second);
  found->second.generation = generation;
}

void Dispatcher::throw_away(TenantId tenant, Inbox& inbox) {
  waiting_ -= inbox.parcels.size();
  inbox.parcels.clear();
  scheduler_.discarded(tenant);
  if (draining_) {
    ready_.notify_all();
    empty_.notify_all();
  }
}

void Dispatcher::deliver(std::span<Arrival> arrivals) {
  bool ready = false;
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    // Neighbours in a burst are mostly of the same tenant: look an inbox up once per run.
    for (std::size_t i = 0; i < arrivals.size();) {
      const auto tenant = arrivals[i].tenant;
      const auto found = inboxes_.find(tenant);
      std::size_t rows = 0;
      const bool idle = found != inboxes_.end() && found->second.parcels.empty() && found->second.writing == 0;
      for (; i < arrivals.size() && arrivals[i].tenant == tenant; ++i) {
        if (found == inboxes_.end() || arrivals[i].generation != found->second.generation) continue;
        found->second.parcels.push_back(std::move(arrivals[i].parcel));
        ++rows;
      }
      if (rows > 0) {
        found->second.arrivals.rate.add(rows, now);
        if (idle) found->second.arrivals.in_hand_since = now;
      }
      waiting_ += rows;
      scheduler_.arrived(tenant, rows);
    }
    ready = scheduler_.has_ready();
  }
  if (ready) ready_.notify_one();
}

std::optional<Work> Dispatcher::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    end_postponements();
    end_rests();
    // While draining, a tenant that is being written may have more waiting: its inbox comes back with finished().
    if (abandoned_ || scheduler_.has_ready() || (draining_ && waiting_ == 0)) break;
    if (const auto due = next_due()) {
      ready_.wait_until(lock, *due);
    } else {
      ready_.wait(lock);
    }
  }
  if (abandoned_ || !scheduler_.has_ready()) return std::nullopt;
  auto work = assemble();
  if (scheduler_.has_ready()) ready_.notify_one();
  return work;
}

Work Dispatcher::assemble() {
  Work work;
  const auto transaction = ++last_transaction_;
  std::size_t room = limits_.scheduler.rows;
  std::size_t bytes = 0;
  while (room > 0 && work.parts.size() < limits_.tenants) {
    const auto turn = scheduler_.next(room);
    if (!turn) break;
    auto& inbox = inboxes_.find(turn->tenant)->second;
    const bool alone = inbox.alone || inbox.parcels.front().suspicious();
    const auto rows = alone && !work.parts.empty() ? 0 : choose(inbox, turn->rows, bytes);
    scheduler_.took(rows, work.parts.empty() && rows < turn->rows);
    if (rows == 0) break;
    const auto end = inbox.parcels.begin() + static_cast<std::ptrdiff_t>(rows);
    auto& part = work.parts.emplace_back(Work::Part{turn->tenant, inbox.generation, {}, inbox.options, transaction});
    part.parcels.assign(std::make_move_iterator(inbox.parcels.begin()), std::make_move_iterator(end));
    inbox.parcels.erase(inbox.parcels.begin(), end);
    inbox.writing += rows;
    waiting_ -= rows;
    writing_ += rows;
    room -= rows;
    inbox.alone = false;
    ++running_[transaction];
    if (alone) break;
  }
  return work;
}

std::size_t Dispatcher::choose(const Inbox& inbox, std::size_t most, std::size_t& bytes) const {
  std::size_t rows = 0;
  for (; rows < most; ++rows) {
    const auto& parcel = inbox.parcels[rows];
    if (parcel.suspicious()) return std::max<std::size_t>(rows, 1);
    if (bytes > 0 && bytes + parcel.bytes() > limits_.bytes) break;
    bytes += parcel.bytes();
  }
  return rows;
}

void Dispatcher::postpone(Work::Part part, std::chrono::milliseconds wait) {
  {
    const std::lock_guard lock(mutex_);
    const auto rows = part.parcels.size();
    writing_ -= rows;
    part_over(part);
    end_rests();
    const auto found = inboxes_.find(part.tenant);
    const bool current = found != inboxes_.end() && found->second.generation == part.generation;
    if (current) {
      written(found, rows);
      auto& parcels = found->second.parcels;
      parcels.insert(parcels.begin(), std::make_move_iterator(part.parcels.begin()),
                     std::make_move_iterator(part.parcels.end()));
      waiting_ += rows;
      found->second.alone = true;
      scheduler_.arrived(part.tenant, rows);
      postponed_.emplace(std::chrono::steady_clock::now() + wait, part.tenant);
    } else if (found != inboxes_.end()) {
      scheduler_.finished(part.tenant);
      written(found, rows);
    }
  }
  ready_.notify_all();
  empty_.notify_all();
}

std::optional<std::chrono::steady_clock::time_point> Dispatcher::next_due() const {
  std::optional<std::chrono::steady_clock::time_point> due;
  if (!postponed_.empty()) due = postponed_.begin()->first;
  for (const auto& rest : resting_) due = due ? std::min(*due, rest.due) : rest.due;
  return due;
}

void Dispatcher::part_over(const Work::Part& part) {
  const auto transaction = running_.find(part.transaction);
  if (transaction != running_.end() && --transaction->second == 0) running_.erase(transaction);
}

bool Dispatcher::older_runs(std::uint64_t transaction) const {
  return !running_.empty() && running_.begin()->first < transaction;
}

void Dispatcher::end_rests() {
  if (resting_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(resting_, [&](const Rest& rest) {
    if (older_runs(rest.transaction) && rest.due > now) return false;
    scheduler_.finished(rest.tenant);
    return true;
  });
}

void Dispatcher::end_postponements() {
  const auto due = postponed_.upper_bound(std::chrono::steady_clock::now());
  for (auto each = postponed_.begin(); each != due; ++each) scheduler_.finished(each->second);
  postponed_.erase(postponed_.begin(), due);
}

void Dispatcher::finished(const Work& work) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& part : work.parts) part_over(part);
    end_rests();
    for (const auto& part : work.parts) {
      writing_ -= part.parcels.size();
      const auto found = inboxes_.find(part.tenant);
      if (found == inboxes_.end()) continue;
      if (!found->second.parcels.empty() && older_runs(part.transaction)) {
        resting_.push_back({part.transaction, part.tenant, std::chrono::steady_clock::now() + kLongestRest});
      } else {
        scheduler_.finished(part.tenant);
      }
      written(found, part.parcels.size());
    }
  }
  // Also wakes writers that wait for the end of a drain.
  ready_.notify_all();
  empty_.notify_all();
}

void Dispatcher::failed(const Work& work) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& part : work.parts) {
      const auto found = inboxes_.find(part.tenant);
      if (found == inboxes_.end() || found->second.generation != part.generation) continue;
      throw_away(part.tenant, found->second);
      found->second.generation = {};  // what still comes through this channel is not taken
    }
  }
  finished(work);
}

void Dispatcher::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  ready_.notify_all();
}

void Dispatcher::abandon() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  ready_.notify_all();
  empty_.notify_all();
}

bool Dispatcher::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto empty = [this] { return waiting_ == 0 && writing_ == 0; };
  empty_.wait_until(lock, deadline, [&] { return abandoned_ || empty(); });
  return empty();
}

Dispatcher::Counts Dispatcher::counts(TenantId tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = inboxes_.find(tenant);
  if (found == inboxes_.end()) return {};
  return {found->second.parcels.size(), found->second.writing};
}

Dispatcher::Arrivals Dispatcher::arrivals(TenantId tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = inboxes_.find(tenant);
  if (found == inboxes_.end()) return {};
  auto arrivals = found->second.arrivals;
  if (found->second.parcels.empty() && found->second.writing == 0) arrivals.in_hand_since.reset();
  return arrivals;
}

Dispatcher::Crowd Dispatcher::crowd() const {
  const std::lock_guard lock(mutex_);
  return {scheduler_.active(), scheduler_.active_workers()};
}

Dispatcher::Counts Dispatcher::total() const {
  const std::lock_guard lock(mutex_);
  return {waiting_, writing_};
}

std::size_t Dispatcher::waiting_bytes(TenantId tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = inboxes_.find(tenant);
  if (found == inboxes_.end()) return 0;
  std::size_t bytes = 0;
  for (const auto& parcel : found->second.parcels) bytes += parcel.bytes();
  return bytes;
}

}  // namespace mtmsg::ingest
