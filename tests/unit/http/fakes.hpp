#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "domain/message.hpp"
#include "http/caller_limits.hpp"
#include "http/cors.hpp"
#include "http/publish_rates.hpp"
#include "http/services.hpp"
#include "http/waiters.hpp"
#include "tests/unit/http/fake_dead_letters.hpp"

/// The services behind the API, in memory. What has virtual functions has its destructor elsewhere: so their code is
/// made once, and not for each test file.
namespace mtmsg::http::fakes {

class Tenants final : public tenants::TenantService {
 public:
  ~Tenants() override;
  Tenants() { default_values.limits[Limit::max_message_bytes] = 1 << 20; }
  Result<Tenant> create(const NewTenant& request) override {
    if (auto checked = check_tenant_name(request.name); !checked) return checked.error();
    for (const auto& row : limit_rows()) {
      const auto value = request.limits[row.limit];
      if (!value) continue;
      if (auto checked = check_limit(row.limit, *value); !checked) return checked.error();
    }
    if (request.idempotency) {
      const std::lock_guard lock(mutex_);
      const auto used = by_key_.find(request.idempotency->key);
      if (used != by_key_.end() && used->second.first != request.idempotency->fingerprint)
        return fail(ErrorCode::conflict, "the idempotency key was used for another request");
      if (used != by_key_.end()) return used->second.second;
    }
    if (find(request.name)) return fail(ErrorCode::conflict, "tenant \"" + request.name + "\" exists");
    const std::lock_guard lock(mutex_);
    Tenant tenant;
    tenant.id = TenantId{Uuid::v7()};
    tenant.name = request.name;
    tenant.state = TenantState::active;
    tenant.workers = request.workers.value_or(default_values.workers);
    tenant.ordered = request.ordered;
    tenant.limits = request.limits;
    tenants_.push_back(tenant);
    if (request.idempotency) by_key_[request.idempotency->key] = {request.idempotency->fingerprint, tenant};
    return tenant;
  }
  Result<std::vector<Tenant>> list() override {
    const std::lock_guard lock(mutex_);
    return tenants_;
  }
  Result<TenantPage> page(const TenantQuery& query) override {
    const std::lock_guard lock(mutex_);
    last_query = query;
    auto all = tenants_;
    std::ranges::sort(all, {}, &Tenant::name);
    TenantPage page{{}, query.cursor, false};
    for (const auto& tenant : all) {
      if (tenant.name <= query.cursor || !tenant.name.starts_with(query.name_prefix)) continue;
      if (page.data.size() == query.limit) {
        page.has_more = true;
        break;
      }
      page.data.push_back(tenant);
      page.next_cursor = tenant.name;
    }
    return page;
  }
  Result<Tenant> find(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    if (outage) return *outage;
    for (const auto& tenant : tenants_)
      if (tenant.name == text || TenantId::parse(text) == tenant.id) return tenant;
    return fail(ErrorCode::not_found, "no such tenant");
  }
  Result<tenants::TenantView> view(const store::Reader& reader, const Tenant& tenant) override {
    last_reader = reader;
    tenants::TenantView view;
    view.tenant = tenant;
    view.counts = {Sequence{7}, Sequence{2}, 600, 1};
    view.limits = tenant.limits.over(default_values.limits);
    view.full = full;
    view.queue = broker::QueueDepth{5, 1};
    view.activity.consuming = true;
    return view;
  }
  std::optional<Tenant> recall(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    for (const auto& tenant : tenants_)
      if (tenant.name == text || TenantId::parse(text) == tenant.id) return tenant;
    return std::nullopt;
  }
  tenants::TenantFacts facts(const store::Reader& reader, const Tenant& tenant, Database database) override {
    last_reader = reader;
    asked_database = database;
    auto facts = next_facts;
    facts.tenant = tenant;
    facts.limits = tenant.limits.over(default_values.limits);
    return facts;
  }
  Result<Tenant> update(TenantId id, const TenantUpdate& change) override {
    for (const auto& [limit, value] : change.limits) {
      if (row_of(limit).fixed) return fail(ErrorCode::immutable, "RabbitMQ fixed it; make another tenant");
      if (!value) continue;
      if (auto checked = check_limit(limit, *value); !checked) return checked.error();
    }
    const auto workers = change.workers.value_or(1);
    if (auto checked = check_workers(workers, default_values.max_workers, default_values.batch); !checked)
      return checked.error();
    const std::lock_guard lock(mutex_);
    for (auto& tenant : tenants_)
      if (tenant.id == id) {
        if (!is_expected(tenant, change.expected)) return precondition_failed(tenant);
        tenant.updated_at += std::chrono::microseconds(1);
        tenant.workers = change.workers.value_or(tenant.workers);
        tenant.paused = change.paused.value_or(tenant.paused);
        for (const auto& [limit, value] : change.limits) tenant.limits[limit] = value;
        return tenant;
      }
    return fail(ErrorCode::not_found, "no such tenant");
  }
  Result<tenants::Removal> remove(TenantId id, const store::Deletion& how) override {
    const std::lock_guard lock(mutex_);
    last_deletion = how;
    for (const auto& tenant : tenants_)
      if (tenant.id == id && !is_expected(tenant, how.expected)) return precondition_failed(tenant);
    if (removal == tenants::Removal::done)
      std::erase_if(tenants_, [&](const Tenant& tenant) { return tenant.id == id; });
    return removal;
  }
  const tenants::TenantDefaults& defaults() const override { return default_values; }
  Result<std::vector<tenants::Orphan>> orphans(const std::vector<TenantId>& candidates) override {
    asked_for = candidates;
    return found_orphans;
  }
  Result<void> remove_orphan(TenantId tenant) override {
    const auto gone = std::erase_if(found_orphans, [&](const auto& orphan) { return orphan.stored.tenant == tenant; });
    if (gone == 0) return fail(ErrorCode::conflict, "no orphan");
    return {};
  }

  void set_state(std::string_view name, TenantState state) {
    for (auto& tenant : tenants_)
      if (tenant.name == name) tenant.state = state;
  }

  tenants::Removal removal = tenants::Removal::done;
  store::Deletion last_deletion;
  TenantQuery last_query;
  std::vector<TenantId> asked_for;
  std::optional<store::Reader> last_reader;
  std::vector<tenants::Orphan> found_orphans;
  std::optional<Error> outage;
  tenants::TenantFacts next_facts;
  std::optional<Database> asked_database;
  tenants::TenantDefaults default_values;
  bool full = false;

 private:
  std::mutex mutex_;
  std::vector<Tenant> tenants_;
  std::map<std::string, std::pair<std::string, Tenant>> by_key_;
};

class Messages final : public store::MessageStore {
 public:
  ~Messages() override;
  void add(TenantId tenant, std::string payload) {
    const std::lock_guard lock(mutex_);
    auto& rows = rows_[tenant];
    StoredMessage row;
    row.seq = Sequence{static_cast<std::int64_t>(rows.size()) + 1};
    row.id = MessageId{Uuid::v7()};
    row.tenant = tenant;
    row.payload = std::move(payload);
    row.headers = "{}";
    rows.push_back(std::move(row));
  }
  std::vector<StoredMessage> rows(TenantId tenant) { return rows_[tenant]; }

  Result<Page> page(const store::Reader& reader, TenantId tenant, const PageQuery& query) override {
    const std::lock_guard lock(mutex_);
    if (outage_after && pages++ >= *outage_after) return fail(ErrorCode::database_unavailable, "db.internal is away");
    last_query = query;
    last_reader = reader;
    Page page;
    page.next_cursor = query.cursor;
    page.oldest_seq = Sequence{1};
    for (const auto& row : rows_[tenant]) {
      if (row.seq <= query.cursor) continue;
      if (page.data.size() == query.limit) {
        page.has_more = true;
        break;
      }
      page.data.push_back(row);
      page.next_cursor = row.seq;
    }
    return page;
  }
  Result<std::vector<std::pair<TenantId, Sequence>>> last_numbers(const std::vector<TenantId>& tenants) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<TenantId, Sequence>> all;
    for (const auto tenant : tenants)
      if (!gone.contains(tenant)) all.emplace_back(tenant, Sequence{static_cast<std::int64_t>(rows_[tenant].size())});
    ++asked_for_numbers;
    return all;
  }
  Result<StoredMessage> get(const store::Reader& reader, TenantId tenant, MessageId id) override {
    const std::lock_guard lock(mutex_);
    last_reader = reader;
    for (const auto& row : rows_[tenant])
      if (row.id == id) return row;
    return fail(ErrorCode::not_found, "no such message");
  }
  Result<store::Erased> erase(TenantId tenant, MessageId id) override {
    const std::lock_guard lock(mutex_);
    for (auto& row : rows_[tenant]) {
      if (row.id != id) continue;
      row.payload.clear();
      row.headers.clear();
      row.erased_at = Timestamp{};
      return store::Erased{};
    }
    return fail(ErrorCode::not_found, "no such message");
  }

  std::optional<int> outage_after;  ///< pages
  std::atomic<int> pages = 0;
  std::atomic<int> asked_for_numbers = 0;
  std::set<TenantId> gone;
  PageQuery last_query;
  std::optional<store::Reader> last_reader;

 private:
  std::mutex mutex_;
  std::map<TenantId, std::vector<StoredMessage>> rows_;
};

class Migrator final : public store::Migrator {
 public:
  ~Migrator() override;
  Result<std::vector<store::MigrationStatus>> status() override {
    return std::vector<store::MigrationStatus>{{1, "one", Timestamp{}}, {2, "two", std::nullopt}};
  }
  Result<std::vector<store::MigrationStatus>> up(std::optional<std::int64_t> target) override {
    called = "up " + (target ? std::to_string(*target) : "all");
    return std::vector<store::MigrationStatus>{{2, "two", Timestamp{}}};
  }
  Result<std::vector<store::MigrationStatus>> down(std::int64_t target) override {
    called = "down " + std::to_string(target);
    return std::vector<store::MigrationStatus>{{1, "one", std::nullopt}};
  }
  std::string called;
};

class Audit final : public store::AuditStore {
 public:
  ~Audit() override;
  Result<void> append(const AuditEntry& entry) override {
    const std::lock_guard lock(mutex_);
    if (outage) return *outage;
    entries.push_back(entry);
    entries.back().seq = Sequence{static_cast<std::int64_t>(entries.size())};
    return {};
  }
  Result<AuditPage> page(const AuditQuery& query) override {
    last_query = query;
    return AuditPage{entries, Sequence{7}, false};
  }
  std::vector<AuditEntry> entries;
  AuditQuery last_query;
  std::optional<Error> outage;

 private:
  std::mutex mutex_;
};

/// Everything, wired.
struct World {
  struct Published {
    TenantId tenant;
    std::string message_id;
    std::string body;
    Headers headers;
  };

  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Services services();

  Tenants tenants;
  Messages messages;
  DeadLetters dead_letters;
  Migrator migrator;
  Audit audit;
  PublishRates::Clock::time_point now = PublishRates::Clock::now();  ///< stands still
  PublishRates rates{[this] { return now; }};
  Waiters waiters{100};
  ApiLimits limits;
  CallerLimits callers{[this] { return now; }};
  Cors cors;
  std::mutex mutex;  // guards what follows, up to unaudited
  std::vector<Published> published;
  std::vector<std::string> failures;
  std::vector<std::string> failed_requests;  ///< their ids
  std::vector<std::string> audited;
  std::vector<std::string> unaudited;
  std::optional<Error> broker_error;
  std::size_t tried_again = 0;
  tenants::Look look;
  std::optional<tenants::Overview::Database> asked_database;
  bool ready = true;
  std::atomic<bool> stopping = false;
};

}  // namespace mtmsg::http::fakes
