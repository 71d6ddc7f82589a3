#include "store/pg/migrator.hpp"

#include <cstdio>
#include <map>

#include "store/pg/rows.hpp"

namespace mtmsg::store::pg {
namespace {

// Any fixed number, as long as nobody else in this database uses it: the bytes of "mtmsg".
constexpr const char* kLock = "select pg_advisory_lock(469853103975)";

std::string file_name(const Migration& migration) {
  char version[24];
  std::snprintf(version, sizeof version, "%04lld", static_cast<long long>(migration.version));
  return std::string(version) + "_" + std::string(migration.name) + ".up.sql";
}

void refuse_other_encodings(Connection& session) {
  const auto shown = session.exec("show server_encoding");
  const std::string encoding(text_of(shown[0][0]));
  if (encoding != "UTF8")
    throw Failure(Error{ErrorCode::conflict, "the database's encoding is " + encoding +
                                                 "; mtmsg needs UTF8 (create database … encoding 'UTF8' template "
                                                 "template0)"});
}

/// Held until the session ends; it is this call's own.
void lock(Connection& session) {
  try {
    session.exec("set lock_timeout = '60s'; " + std::string(kLock));
  } catch (const SqlFailure& failure) {
    if (failure.sqlstate() != "55P03") throw;
    throw Failure(Error{ErrorCode::database_unavailable, "another process has been migrating for a minute"});
  }
  session.exec(
      "create table if not exists schema_migrations (version bigint primary key, name text not null, "
      "checksum text not null, applied_at timestamptz not null default clock_timestamp())");
}

std::string in_transaction(std::string_view sql) {
  // A lock that somebody holds must not make all others queue behind our wait for it.
  return "begin; set local lock_timeout = '10s'; " + std::string(sql);
}

}  // namespace

std::vector<MigrationStatus> PgMigrator::checked_status(Connection& session) const {
  std::vector<MigrationStatus> all;
  const auto exists = session.exec("select to_regclass('schema_migrations') is not null");
  std::map<std::int64_t, std::pair<std::string, Timestamp>> applied;
  if (text_of(exists[0][0]) == "t") {
    const auto rows = session.exec("select version, name, " + micros("applied_at") + " from schema_migrations");
    for (const auto& row : rows)
      applied.emplace(int_of(row[0]), std::pair(std::string(text_of(row[1])), time_of(row[2])));
  }
  for (const auto& migration : known_) {
    MigrationStatus status{migration.version, std::string(migration.name), std::nullopt};
    const auto found = applied.extract(migration.version);
    if (found) {
      status.applied_at = found.mapped().second;
      const auto same = session.exec(
          "select checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex') from schema_migrations where version = $1",
          Params{std::to_string(migration.version), std::string(migration.up)});
      if (same.empty() || text_of(same[0][0]) != "t")
        throw Failure(Error{ErrorCode::conflict, file_name(migration) +
                                                     " was changed after it was applied to this database; restore the "
                                                     "file and put the change into a new migration"});
    }
    all.push_back(std::move(status));
  }
  if (!applied.empty()) {
    const auto& [version, rest] = *applied.begin();
    throw Failure(Error{ErrorCode::conflict, "the database has migration " + std::to_string(version) + " (" +
                                                 rest.first + "), which this version of mtmsg does not know"});
  }
  return all;
}

void PgMigrator::apply(Connection& session, const Migration& migration) const {
  Transaction transaction(session, in_transaction(migration.up));
  session.exec(
      "insert into schema_migrations (version, name, checksum) "
      "values ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
      Params{std::to_string(migration.version), std::string(migration.name), std::string(migration.up)});
  transaction.commit();
}

void PgMigrator::take_back(Connection& session, const Migration& migration) const {
  Transaction transaction(session, in_transaction(migration.down));
  session.exec("delete from schema_migrations where version = $1", Params{std::to_string(migration.version)});
  transaction.commit();
}

Result<std::vector<MigrationStatus>> PgMigrator::status() {
  return guard([&]() -> Result<std::vector<MigrationStatus>> {
    Connection session(settings_);
    return checked_status(session);
  });
}

Result<std::vector<MigrationStatus>> PgMigrator::up(std::optional<std::int64_t> target) {
  return guard([&]() -> Result<std::vector<MigrationStatus>> {
    Connection session(settings_);
    refuse_other_encodings(session);
    lock(session);
    const auto before = checked_status(session);
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (before[i].applied_at || (target && known_[i].version > *target)) continue;
      try {
        apply(session, known_[i]);
      } catch (const Failure& failure) {
        throw Failure(Error(failure.error()).with_context(file_name(known_[i])));
      }
    }
    auto after = checked_status(session);
    for (const auto& status : before)
      if (status.applied_at)
        std::erase_if(after, [&](const auto& candidate) { return candidate.version == status.version; });
    std::erase_if(after, [](const auto& status) { return !status.applied_at; });
    return after;
  });
}

Result<std::vector<MigrationStatus>> PgMigrator::down(std::int64_t target) {
  return guard([&]() -> Result<std::vector<MigrationStatus>> {
    Connection session(settings_);
    lock(session);
    const auto before = checked_status(session);
    std::vector<MigrationStatus> taken_back;
    for (std::size_t i = known_.size(); i-- > 0;) {
      if (!before[i].applied_at || known_[i].version <= target) continue;
      try {
        take_back(session, known_[i]);
      } catch (const Failure& failure) {
        throw Failure(Error(failure.error()).with_context(file_name(known_[i]) + ", taking it back"));
      }
      taken_back.push_back(before[i]);
      taken_back.back().applied_at.reset();
    }
    return taken_back;
  });
}

}  // namespace mtmsg::store::pg
