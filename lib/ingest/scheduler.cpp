#include "ingest/scheduler.hpp"

#include <algorithm>
#include <cassert>

namespace mtmsg::ingest {

void Scheduler::add(TenantId tenant, unsigned workers) {
  auto& share = shares_[tenant];
  share.tenant = tenant;
  set_workers(tenant, workers);
}

void Scheduler::set_workers(TenantId tenant, unsigned workers) {
  const auto found = shares_.find(tenant);
  if (found == shares_.end()) return;
  auto& share = found->second;
  if (share.active) active_workers_ = active_workers_ - share.workers + std::max(workers, 1U);
  share.workers = std::max(workers, 1U);
  share.deficit = 0;
}

void Scheduler::remove(TenantId tenant) {
  const auto found = shares_.find(tenant);
  if (found == shares_.end()) return;
  auto& share = found->second;
  if (share.in_ring) leave(share);
  share.waiting = 0;
  share.writing = false;
  recount(share);
  shares_.erase(found);
}

void Scheduler::arrived(TenantId tenant, std::size_t rows) {
  const auto found = shares_.find(tenant);
  if (found == shares_.end() || rows == 0) return;
  auto& share = found->second;
  share.waiting += rows;
  recount(share);
  if (!share.in_ring && !share.writing) enter(share, false);
}

void Scheduler::discarded(TenantId tenant) {
  const auto found = shares_.find(tenant);
  if (found == shares_.end()) return;
  auto& share = found->second;
  share.waiting = 0;
  share.deficit = 0;
  if (share.in_ring) leave(share);
  recount(share);
}

std::optional<Scheduler::Turn> Scheduler::next(std::size_t room) {
  assert(!turn_);
  if (ring_.empty() || room == 0) return std::nullopt;
  auto& share = front();
  if (share.deficit == 0) share.deficit = quantum(share);
  turn_ = Turn{share.tenant, std::min({share.deficit, share.waiting, room})};
  return turn_;
}

void Scheduler::took(std::size_t rows, bool filled_alone) {
  assert(turn_ && rows <= turn_->rows);
  turn_.reset();
  if (rows == 0) return;
  auto& share = front();
  leave(share);
  share.writing = true;
  share.waiting -= rows;
  share.deficit = share.waiting == 0 || filled_alone ? 0 : share.deficit - rows;
}

void Scheduler::finished(TenantId tenant) {
  const auto found = shares_.find(tenant);
  if (found == shares_.end() || !found->second.writing) return;
  auto& share = found->second;
  share.writing = false;
  recount(share);
  if (share.waiting > 0) enter(share, share.deficit > 0);
}

std::size_t Scheduler::quantum(Share& share) const noexcept {
  const auto round = std::max(limits_.rows, active_ * limits_.fair_rows);
  const auto workers = std::max<std::size_t>(active_workers_, share.workers);
  // What was kept back is less than a row, also when many more workers shared the round then.
  const auto exact = round * share.workers + std::min(share.remainder, workers - 1);
  share.remainder = exact % workers;
  return std::max<std::size_t>(1, exact / workers);
}

void Scheduler::recount(Share& share) {
  const bool active = share.waiting > 0 || share.writing;
  if (active == share.active) return;
  share.active = active;
  active_ = active ? active_ + 1 : active_ - 1;
  active_workers_ = active ? active_workers_ + share.workers : active_workers_ - share.workers;
}

void Scheduler::enter(Share& share, bool first) {
  share.in_ring = true;
  if (first) {
    ring_.push_front(share.tenant);
  } else {
    ring_.push_back(share.tenant);
  }
}

void Scheduler::leave(Share& share) {
  share.in_ring = false;
  if (ring_.front() == share.tenant) {
    ring_.pop_front();
  } else {
    ring_.erase(std::find(ring_.begin(), ring_.end(), share.tenant));
  }
}

Scheduler::Share& Scheduler::front() {
  return shares_.find(ring_.front())->second;
}

}  // namespace mtmsg::ingest
