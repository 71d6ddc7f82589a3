#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"

/// Migrations in the API's JSON. Any thread.
namespace mtmsg::wire {

struct Migration {
  std::int64_t version = 0;
  std::string name;
  std::optional<Timestamp> applied_at;  ///< absent (null): pending
  friend bool operator==(const Migration&, const Migration&) = default;
};

/// {"version","name","state":"applied"|"pending","applied_at"}
void append_migration(std::string& out, const Migration& migration);

/// {"data":[{"version","name","state":"applied"|"pending","applied_at"}],"pending":N}: GET /migrations, and what
/// POST /migrations applied or took back.
void append_migrations(std::string& out, const std::vector<Migration>& migrations);
Result<std::vector<Migration>> read_migrations(std::string_view json);

/// {"to"?}: POST /migrations; the newest when absent. An empty body counts as {}. Strict.
void append_migrate_request(std::string& out, std::optional<std::int64_t> target);
Result<std::optional<std::int64_t>> read_migrate_request(std::string_view json);

}  // namespace mtmsg::wire
