#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"

/// What moves, tenant by tenant, in the API's JSON: GET /activity. Any thread.
namespace mtmsg::wire {

/// One tenant at the moment. What is absent (null) is not known.
struct TenantMoves {
  TenantId id;
  std::string name;
  /// In one word: creating, deleting, paused, full, away (database or broker), no_consumer, held, poison, waiting
  /// (for its share), draining, active (something moves), idle.
  std::string state;
  std::uint64_t workers = 0;
  std::uint64_t workers_busy = 0;
  std::optional<std::uint64_t> ready;        ///< messages that wait in its queue
  std::uint64_t unacked = 0;                 ///< in the hands of the daemon that answers
  double in_per_second = 0;                  ///< published, as far as the daemon can see
  double out_per_second = 0;                 ///< settled: stored, duplicate or dead letter
  std::optional<double> lag_seconds;         ///< how long what waits takes at the present rate
  std::optional<std::int64_t> messages;      ///< ever stored
  std::optional<std::int64_t> dead_letters;  ///< kept, and not replayed
  std::optional<Timestamp> last_stored_at;
  friend bool operator==(const TenantMoves&, const TenantMoves&) = default;
};

/// Of all tenants that the filter lets through, shown or not.
struct TotalMoves {
  std::uint64_t tenants = 0;
  std::uint64_t workers = 0;
  std::uint64_t workers_busy = 0;
  std::uint64_t ready = 0;
  std::uint64_t unacked = 0;
  double in_per_second = 0;
  double out_per_second = 0;
  std::int64_t dead_letters = 0;
  friend bool operator==(const TotalMoves&, const TotalMoves&) = default;
};

/// GET /activity.
struct ActivityPage {
  Timestamp at;  ///< when it was looked at
  std::string version;
  bool ready = false;
  std::string not_ready;  ///< the first part that is not, and why; empty while all are
  std::uint64_t writers = 0;
  std::uint64_t writers_busy = 0;
  std::optional<std::uint64_t> daemons;  ///< that live and share the work
  TotalMoves total;
  std::vector<TenantMoves> data;  ///< the first of them, in the order asked for
  friend bool operator==(const ActivityPage&, const ActivityPage&) = default;
};

/// What the rows are ordered by; ties by name.
enum class ActivitySort { name, state, depth, unacked, in, out, busy, lag, dead_letters };
inline constexpr ActivitySort kActivitySorts[] = {
    ActivitySort::name, ActivitySort::state, ActivitySort::depth, ActivitySort::unacked,     ActivitySort::in,
    ActivitySort::out,  ActivitySort::busy,  ActivitySort::lag,   ActivitySort::dead_letters};
std::string_view to_string(ActivitySort sort) noexcept;
std::optional<ActivitySort> activity_sort_from(std::string_view name) noexcept;

enum class Direction {
  natural,  ///< names and states from a, numbers from the largest
  reverse,
};
/// The first `most` in order; the others are dropped.
void sort_activity(std::vector<TenantMoves>& rows, ActivitySort sort, Direction direction, std::size_t most);

void append_moves(std::string& out, const TenantMoves& moves);
void append_activity(std::string& out, const ActivityPage& page);
Result<ActivityPage> read_activity_page(std::string_view json);

}  // namespace mtmsg::wire
