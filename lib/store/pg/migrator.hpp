#pragma once

#include "store/migrations.hpp"
#include "store/pg/connection.hpp"

namespace mtmsg::store::pg {

/// Migrator over one short-lived session a call. The checksum is SHA-256 of the up file: a down file may be mended
/// after its up was applied. Besides the errors of the interface: conflict when the database is not in UTF8.
class PgMigrator final : public Migrator {
 public:
  /// `known` in order of version; its texts must stay valid.
  PgMigrator(ConnectionSettings settings, std::span<const Migration> known)
      : settings_(std::move(settings)), known_(known) {}

  Result<std::vector<MigrationStatus>> status() override;
  Result<std::vector<MigrationStatus>> up(std::optional<std::int64_t> target) override;
  Result<std::vector<MigrationStatus>> down(std::int64_t target) override;

 private:
  std::vector<MigrationStatus> checked_status(Connection& session) const;
  void apply(Connection& session, const Migration& migration) const;
  void take_back(Connection& session, const Migration& migration) const;

  const ConnectionSettings settings_;
  const std::span<const Migration> known_;
};

}  // namespace mtmsg::store::pg
