#include "store/pg/batch_plan.hpp"

namespace mtmsg::store::pg {

BatchPlan::BatchPlan(const Batch& batch, CopyRows& rows) : rows_(rows) {
  rows_.clear();
  std::size_t total = 0;
  for (const auto& part : batch) total += part.messages.size();
  entries_.reserve(total);
  tenants_.reserve(batch.size());
  for (const auto& part : batch) {
    Tenant tenant;
    tenant.id = part.tenant;
    tenant.begin = entries_.size();
    for (const auto& message : part.messages) {
      const auto row = message.refusal ? kNoRow : rows_.add(part.tenant, message);
      entries_.push_back({&message, row, message.refusal ? Fate::refused : Fate::keep});
    }
    tenant.end = entries_.size();
    tenants_.push_back(tenant);
  }
}

void BatchPlan::locked(std::size_t tenant, Sequence last_seq, Timestamp created_at, std::int64_t stored_bytes) {
  tenants_[tenant].counter = Tenant::Counter::ours;
  tenants_[tenant].last_seq = last_seq;
  tenants_[tenant].created_at = created_at;
  tenants_[tenant].stored_bytes = stored_bytes;
}

void BatchPlan::stored_before(std::size_t tenant, MessageId id) {
  known_ids_[tenant].insert(id);
}

void BatchPlan::refused(std::size_t entry, Refusal why) {
  entries_[entry].fate = Fate::refused;
  refusals_.insert_or_assign(entry, std::move(why));
}

std::size_t BatchPlan::settle() {
  std::size_t kept = 0;
  std::unordered_set<MessageId> seen;
  for (std::size_t index = 0; index < tenants_.size(); ++index) {
    auto& tenant = tenants_[index];
    const auto known = known_ids_.find(index);
    seen.clear();
    seen.reserve(tenant.end - tenant.begin);
    tenant.kept = 0;
    tenant.kept_bytes = 0;
    for (auto i = tenant.begin; i < tenant.end; ++i) {
      auto& entry = entries_[i];
      if (entry.row != kNoRow) rows_.leave_out(entry.row);
      if (entry.fate == Fate::refused || !tenant.taken()) continue;
      const auto id = entry.message->id;
      if (known != known_ids_.end() && known->second.contains(id)) {
        entry.fate = Fate::stored_before;
      } else if (!seen.insert(id).second) {
        entry.fate = Fate::repeated;
      } else {
        entry.fate = Fate::keep;
        ++tenant.kept;
        tenant.kept_bytes += static_cast<std::int64_t>(entry.message->payload.size() + entry.message->headers.size());
        rows_.place(entry.row, Sequence{tenant.last_seq.value + tenant.kept}, tenant.created_at);
      }
    }
    kept += tenant.kept;
  }
  return kept;
}

std::vector<std::size_t> BatchPlan::open_entries() const {
  std::vector<std::size_t> open;
  for (const auto& tenant : tenants_) {
    if (!tenant.taken()) continue;
    for (auto i = tenant.begin; i < tenant.end; ++i)
      if (entries_[i].fate == Fate::keep || entries_[i].fate == Fate::repeated) open.push_back(i);
  }
  return open;
}

std::vector<BatchPlan::DeadLetter> BatchPlan::dead_letters() const {
  std::vector<DeadLetter> letters;
  std::unordered_map<MessageId, std::size_t> first;
  for (const auto& tenant : tenants_) {
    first.clear();
    if (!tenant.taken()) continue;
    for (auto i = tenant.begin; i < tenant.end; ++i) {
      if (entries_[i].fate != Fate::refused) continue;
      const auto* message = entries_[i].message;
      const std::uint32_t arrivals = message->source == Source::delivery ? 1 : 0;
      const auto [known, is_new] = first.try_emplace(message->id, letters.size());
      if (!is_new) {
        letters[known->second].arrivals += arrivals;
        continue;
      }
      const auto ours = refusals_.find(i);
      letters.push_back({tenant.id, message, ours == refusals_.end() ? &*message->refusal : &ours->second, arrivals});
    }
  }
  return letters;
}

std::vector<BatchPlan::Redeemed> BatchPlan::redeemed() const {
  std::vector<Redeemed> all;
  for (const auto& tenant : tenants_) {
    if (!tenant.taken()) continue;
    for (auto i = tenant.begin; i < tenant.end; ++i) {
      const auto& entry = entries_[i];
      const bool done = entry.fate != Fate::refused || entry.message->record;
      if (entry.message->source != Source::delivery && done) all.push_back({tenant.id, entry.message});
    }
  }
  return all;
}

std::vector<TenantOutcome> BatchPlan::outcomes() const {
  std::vector<TenantOutcome> all;
  all.reserve(tenants_.size());
  for (const auto& tenant : tenants_) {
    TenantOutcome outcome;
    outcome.tenant = tenant.id;
    outcome.gone = tenant.counter == Tenant::Counter::missing;
    outcome.locked = tenant.counter == Tenant::Counter::held_by_others;
    if (tenant.taken()) {
      outcome.stored = tenant.kept;
      outcome.last_seq = Sequence{tenant.last_seq.value + tenant.kept};
      outcome.stored_bytes = tenant.stored_bytes + tenant.kept_bytes;
      for (auto i = tenant.begin; i < tenant.end; ++i) {
        const auto fate = entries_[i].fate;
        if (fate == Fate::refused) ++outcome.dead_letters;
        if (fate == Fate::repeated || fate == Fate::stored_before) ++outcome.duplicates;
      }
    }
    all.push_back(outcome);
  }
  return all;
}

}  // namespace mtmsg::store::pg
