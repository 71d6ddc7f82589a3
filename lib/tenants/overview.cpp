#include "tenants/overview.hpp"

namespace mtmsg::tenants {

std::shared_ptr<const Look> Overview::look(Database database) {
  const auto fresh_one = [this]() -> std::shared_ptr<const Look> {
    const std::lock_guard lock(mutex_);
    return last_ && Clock::now() - looked_at_ < options_.fresh ? last_ : nullptr;
  };
  if (auto look = fresh_one()) return look;
  std::unique_lock looking(looking_, std::try_to_lock);
  if (!looking) {
    // Somebody is at it, and may be kept waiting: what was seen last will do.
    const std::unique_lock lock(mutex_);
    if (last_ && Clock::now() - looked_at_ < options_.good_enough) return last_;
  }
  if (!looking) looking.lock();
  if (auto look = fresh_one()) return look;  // whoever was waited for has just looked
  auto look = std::make_shared<Look>();
  look->at = now();
  look->tenants = rows(database);
  ask_broker(look->tenants);
  const std::lock_guard lock(mutex_);
  looked_at_ = Clock::now();
  last_ = std::move(look);
  return last_;
}

std::vector<TenantLook> Overview::rows(Database database) {
  std::vector<TenantLook> all;
  const auto add = [&](const Tenant& tenant, std::optional<store::TenantCounts> counts) {
    auto& look = all.emplace_back();
    look.tenant = tenant;
    look.activity = pipeline_.activity(tenant.id);
    if (look.activity.workers == 0) look.activity.workers = tenant.ordered ? 1 : tenant.workers;
    const auto most = tenant.limits.over(options_.limits).value(Limit::max_stored_bytes);
    look.full = counts && most > 0 && counts->stored_bytes >= static_cast<std::int64_t>(most);
    look.counts = std::move(counts);
  };
  if (database == Database::asked) {
    if (auto counted = store_.list_counted(); counted.has_value()) {
      for (auto& [tenant, counts] : *counted) add(tenant, counts);
      return all;
    }
  }
  for (const auto& tenant : remembered_()) add(tenant, std::nullopt);
  return all;
}

void Overview::ask_broker(std::vector<TenantLook>& tenants) {
  std::vector<TenantId> worth_asking;
  for (const auto& look : tenants)
    if (may_wait(look)) worth_asking.push_back(look.tenant.id);
  const auto due = depths_.due(worth_asking, options_.most_questions);
  const auto answers = control_.depths(due, options_.questions_limit);
  const auto now = Clock::now();
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i].has_value()) depths_.answered(due[i], answers[i]->ready, answers[i]->consumers, now);
  for (auto& look : tenants) look.depth = depths_.find(look.tenant.id);
}

}  // namespace mtmsg::tenants
