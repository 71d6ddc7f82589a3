#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "store/audit_store.hpp"
#include "store/batch_store.hpp"
#include "store/change_feed.hpp"
#include "store/dead_letter_store.hpp"
#include "store/message_store.hpp"
#include "store/migrations.hpp"
#include "store/presence.hpp"
#include "store/retention_store.hpp"
#include "store/tenant_store.hpp"

/// The edge to PostgreSQL. Foreign errors become the project's ErrorCode here and nowhere else; nothing is logged.
namespace mtmsg::store {

struct DatabaseOptions {
  std::string url;                 ///< libpq connection string or URI; may name several hosts
  std::optional<DaemonId> daemon;  ///< whose sessions they are; their application_name says so (store/presence.hpp)
  std::string direct_url;          ///< for what needs a session; empty: the same as url
  std::size_t pool_size = 8;       ///< connections for everything but writers; a call waits for a free one
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds statement_timeout{30000};
  std::size_t max_page_bytes = 32 << 20;  ///< a page ends with the row that reaches this, even before its limit of rows
};

/// Owns the pool; the stores it gives live as long as it does. Any thread.
class Database {
 public:
  virtual ~Database() = default;

  virtual Migrator& migrator() = 0;
  virtual TenantStore& tenants() = 0;
  virtual MessageStore& messages() = 0;
  virtual DeadLetterStore& dead_letters() = 0;
  virtual Presence& presence() = 0;
  virtual RetentionStore& retention() = 0;
  virtual std::unique_ptr<BatchStore> make_batch_store() = 0;
  virtual std::unique_ptr<ChangeFeed> make_change_feed() = 0;

  /// One round trip: database_unavailable, schema_outdated (naming what is pending), or fine.
  virtual Result<void> check() = 0;
  /// As the last check() found it: false when there are several hosts to fail over to, but the primary waits for no
  /// synchronous standby, so that what it answered for last may be missing at the next one. Does not block.
  virtual bool survives_failover() const noexcept = 0;

  /// Ends every session at once, whatever it waits for; from now on everything is database_unavailable. For the end of
  /// the daemon: a server that is frozen answers nobody. Idempotent.
  virtual void end_sessions() noexcept = 0;

  virtual AuditStore& audit() = 0;
};

/// Does not connect yet. invalid_argument for a connection string that is none.
Result<std::unique_ptr<Database>> open_database(const DatabaseOptions& options);

}  // namespace mtmsg::store
