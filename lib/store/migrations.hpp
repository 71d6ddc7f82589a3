#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"

namespace mtmsg::store {

/// One pair of files of migrations/, as built into the binary.
struct Migration {
  std::int64_t version;
  std::string_view name;
  std::string_view up;
  std::string_view down;
};

/// In order of version.
std::span<const Migration> embedded_migrations() noexcept;

struct MigrationStatus {
  std::int64_t version = 0;
  std::string name;
  std::optional<Timestamp> applied_at;  ///< absent: pending
};

/// Any thread; each call blocks and uses a session of its own (database.direct_url).
class Migrator {
 public:
  virtual ~Migrator() = default;
  /// Known and applied ones, in order of version. conflict: an applied file was changed since (it is named), or the
  /// database has a version this binary does not know. Works on an empty database (all pending).
  virtual Result<std::vector<MigrationStatus>> status() = 0;
  /// Applies what is pending up to `target` (the newest when absent), each in its own transaction, under an advisory
  /// lock, so that daemons that start together apply each once. Returns what it applied.
  virtual Result<std::vector<MigrationStatus>> up(std::optional<std::int64_t> target = std::nullopt) = 0;
  /// Takes back, newest first, every version above `target`. Returns what it took back.
  virtual Result<std::vector<MigrationStatus>> down(std::int64_t target) = 0;
};

}  // namespace mtmsg::store
