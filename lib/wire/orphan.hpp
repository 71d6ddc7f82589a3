#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "wire/tenant.hpp"

/// What stands for tenants that do not exist, in the API's JSON. Any thread.
namespace mtmsg::wire {

struct Orphan {
  TenantId tenant;
  bool partition = false;
  std::int64_t bytes = 0;         ///< of the partition, on disk
  std::int64_t dead_letters = 0;  ///< at most a thousand are counted
  std::optional<QueueDepth> queue;
  friend bool operator==(const Orphan&, const Orphan&) = default;
};

/// {"tenant_id","partition","bytes","dead_letters","queue":{"ready","consumers"}|null}
void append_orphan(std::string& out, const Orphan& orphan);
/// {"data":[…]}
void append_orphans(std::string& out, const std::vector<Orphan>& orphans);
Result<std::vector<Orphan>> read_orphans(std::string_view json);

/// Ids with commas between them: the query parameter "candidate" of GET /orphans. At most kMaxOrphanCandidates, each
/// counted once. Error: invalid_argument that names what is no id.
inline constexpr std::size_t kMaxOrphanCandidates = 100;
std::string join_candidates(const std::vector<TenantId>& ids);
Result<std::vector<TenantId>> parse_candidates(std::string_view text);

}  // namespace mtmsg::wire
