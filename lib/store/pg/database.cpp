#include "store/database.hpp"

#include <algorithm>
#include <atomic>

#include "store/pg/audit_store.hpp"
#include "store/pg/batch_store.hpp"
#include "store/pg/change_feed.hpp"
#include "store/pg/dead_letter_store.hpp"
#include "store/pg/message_store.hpp"
#include "store/pg/migrator.hpp"
#include "store/pg/pool.hpp"
#include "store/pg/presence.hpp"
#include "store/pg/retention_store.hpp"
#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

namespace mtmsg::store {
namespace pg {
namespace {

class PgDatabase final : public Database {
 public:
  PgDatabase(const DatabaseOptions& options, ConnectionSettings settings, const ConnectionSettings& direct)
      : statement_timeout_(options.statement_timeout),
        settings_(std::move(settings)),
        direct_(direct),
        pool_(settings_, options.pool_size, options.connect_timeout),
        migrator_(direct, embedded_migrations()),
        tenants_(pool_, direct, options.statement_timeout),
        messages_(pool_, options.statement_timeout, options.max_page_bytes),
        dead_letters_(pool_, options.statement_timeout, options.max_page_bytes),
        audit_(pool_, options.statement_timeout),
        presence_pool_(settings_, 1, options.connect_timeout),
        presence_(presence_pool_, options.statement_timeout),
        retention_(pool_, options.statement_timeout) {}

  Migrator& migrator() override { return migrator_; }
  TenantStore& tenants() override { return tenants_; }
  MessageStore& messages() override { return messages_; }
  DeadLetterStore& dead_letters() override { return dead_letters_; }
  AuditStore& audit() override { return audit_; }
  Presence& presence() override { return presence_; }
  RetentionStore& retention() override { return retention_; }
  std::unique_ptr<BatchStore> make_batch_store() override {
    return std::make_unique<PgBatchStore>(settings_, statement_timeout_);
  }
  std::unique_ptr<ChangeFeed> make_change_feed() override { return std::make_unique<PgChangeFeed>(direct_); }
  Result<void> check() override;
  bool survives_failover() const noexcept override { return survives_failover_; }
  void end_sessions() noexcept override { settings_.sessions->end(); }

 private:
  const std::chrono::milliseconds statement_timeout_;
  const ConnectionSettings settings_;
  const ConnectionSettings direct_;
  std::atomic<bool> survives_failover_{true};
  Pool pool_;
  PgMigrator migrator_;
  PgTenantStore tenants_;
  PgMessageStore messages_;
  PgDeadLetterStore dead_letters_;
  PgAuditStore audit_;
  Pool presence_pool_;  // a daemon whose calls wait for each other must not look dead
  PgPresence presence_;
  PgRetentionStore retention_;
};

Error pending(const std::vector<std::int64_t>& applied) {
  std::string names;
  for (const auto& migration : embedded_migrations())
    if (std::ranges::find(applied, migration.version) == applied.end())
      names += (names.empty() ? "" : ", ") + std::to_string(migration.version) + " " + std::string(migration.name);
  return fail(ErrorCode::schema_outdated, "migrations are pending: " + names + " (run: mtmsgctl migrate up)");
}

Result<void> PgDatabase::check() {
  return guard([&]() -> Result<void> {
    const auto connection = pool_.acquire();
    std::vector<std::int64_t> applied;
    try {
      const auto rows = connection->exec(
          "select version, pg_is_in_recovery(), current_setting('synchronous_standby_names') from schema_migrations");
      for (const auto& row : rows) {
        if (text_of(row[1]) == "t")
          return fail(ErrorCode::database_unavailable, "PostgreSQL is a standby: it takes no writes");
        applied.push_back(int_of(row[0]));
        survives_failover_ = !settings_.several_hosts() || !text_of(row[2]).empty();
      }
    } catch (const SqlFailure& failure) {
      if (failure.error().code != ErrorCode::schema_outdated) throw;
    }
    // A newer version than ours is fine: migrations keep the daemon before them going.
    const auto known = embedded_migrations();
    const bool complete = std::ranges::all_of(known, [&](const Migration& migration) {
      return std::ranges::find(applied, migration.version) != applied.end();
    });
    if (!complete) return pending(applied);
    return {};
  });
}

}  // namespace
}  // namespace pg

Result<std::unique_ptr<Database>> open_database(const DatabaseOptions& options) {
  const auto name = options.daemon ? "mtmsgd " + options.daemon->to_string() : std::string();
  auto settings = pg::connection_settings(options.url, options.connect_timeout, name);
  if (!settings) return settings.error();
  settings->sessions = std::make_shared<pg::Sessions>();
  auto direct = *settings;
  if (!options.direct_url.empty()) {
    auto given = pg::connection_settings(options.direct_url, options.connect_timeout, name);
    if (!given) return std::move(given.error()).with_context("database.direct_url");
    direct = std::move(*given);
    direct.sessions = settings->sessions;
  }
  return std::unique_ptr<Database>(std::make_unique<pg::PgDatabase>(options, std::move(*settings), direct));
}

}  // namespace mtmsg::store
