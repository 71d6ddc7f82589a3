#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "wire/tenant.hpp"

/// Why a tenant's messages don't arrive, in the API's JSON. Any thread.
namespace mtmsg::wire {

/// `code` and `severity` are stable; a newer daemon may know more of them.
struct Finding {
  std::string code;
  std::string severity;  ///< "blocked", "slow", "note", "fine"
  std::string what;
  std::string advice;  ///< may be empty
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// GET /tenants/{t}/explain. What is absent (null) can't be found out at the moment.
struct Explanation {
  TenantId tenant;
  std::string name;
  std::string verdict;  ///< the worst severity
  std::vector<Finding> findings;
  std::optional<QueueDepth> queue;
  bool consuming = false;
  std::uint64_t workers = 0;
  std::uint64_t workers_busy = 0;
  std::uint64_t unacked = 0;
  double delivered_per_second = 0;  ///< to the daemon that answered
  double settled_per_second = 0;    ///< by it: stored, duplicates and dead letters
  std::optional<std::int64_t> messages;
  std::optional<std::int64_t> dead_letters;
  std::optional<Timestamp> last_stored_at;
  friend bool operator==(const Explanation&, const Explanation&) = default;
};

void append_finding(std::string& out, const Finding& finding);
void append_explanation(std::string& out, const Explanation& explanation);
Result<Explanation> read_explanation(std::string_view json);

}  // namespace mtmsg::wire
