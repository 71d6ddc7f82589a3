#include "tenants/retention.hpp"

#include <algorithm>

namespace mtmsg::tenants {

Cut cut_of(const store::Retained& tenant, const RetentionMemory* memory, std::chrono::steady_clock::time_point now) {
  Cut cut;
  const auto kept = tenant.last_seq.value - tenant.oldest_seq.value + 1;
  const auto most = static_cast<std::int64_t>(tenant.most_messages);
  if (most > 0 && kept > most) cut.below.value = tenant.last_seq.value - most + 1;
  // What was the oldest then is the oldest still, unless something was removed meanwhile.
  const bool known = memory != nullptr && memory->oldest_seq == tenant.oldest_seq;
  cut.look_at_age = tenant.age.count() > 0 && kept > 0 && !(known && now < memory->due);
  return cut;
}

Retention::~Retention() {
  stop();
}

void Retention::start() {
  thread_ = std::thread([this] { run(); });
}

void Retention::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Retention::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

bool Retention::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Retention::run() {
  for (;;) {
    const bool more = round();
    std::unique_lock lock(mutex_);
    const auto pause = more ? std::chrono::milliseconds(0) : options_.every;
    if (wake_.wait_for(lock, pause, [this] { return stopping_; })) return;
  }
}

// A failure is not an event: the database is away, which others say, or the tenant is on its way out.
bool Retention::round() {
  const auto tenants = store_.retained(options_.defaults);
  if (tenants.has_error()) return false;
  std::map<TenantId, RetentionMemory> still;
  for (const auto& tenant : *tenants)
    if (auto known = memory_.extract(tenant.tenant)) still.insert(std::move(known));
  memory_.swap(still);
  bool more = shorten_audit();
  for (const auto& tenant : *tenants) {
    const auto known = memory_.find(tenant.tenant);
    const auto cut = cut_of(tenant, known == memory_.end() ? nullptr : &known->second, Clock::now());
    if (stopping()) return false;
    if (cut.needed()) more = remove_some(tenant, cut) || more;
  }
  return more;
}

// A failure: the next round tries again.
bool Retention::shorten_audit() {
  if (options_.audit_age.count() == 0 || Clock::now() < audit_due_) return false;
  const auto removed = store_.remove_audit(options_.audit_age, options_.step);
  if (removed.has_error()) return false;
  const bool more = *removed == options_.step;
  if (!more) audit_due_ = Clock::now() + options_.audit_every;
  return more;
}

bool Retention::remove_some(const store::Retained& tenant, const Cut& cut) {
  const auto age = cut.look_at_age ? tenant.age : std::chrono::seconds(0);
  std::int64_t messages = 0;
  bool more = true;
  for (int i = 0; i < options_.steps_in_a_row && more && !stopping(); ++i) {
    const auto removed = store_.remove_oldest(tenant.tenant, cut.below, age, options_.step);
    if (removed.has_error()) break;
    messages += removed->messages;
    more = removed->messages == options_.step;
    if (cut.look_at_age)
      memory_[tenant.tenant] = {removed->oldest_seq, Clock::now() + removed->next_in.value_or(tenant.age)};
  }
  if (messages > 0) removed_(tenant.tenant);
  return messages > 0 && more;
}

}  // namespace mtmsg::tenants
