#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/dead_letter.hpp"

/// Trying dead letters again, in the API's JSON. Any thread.
namespace mtmsg::wire {

inline constexpr std::size_t kMaxReplayLetters = 500;  ///< of one request
inline constexpr unsigned kDefaultReplayLetters = 100;

/// Some of a tenant's dead letters, by what they are.
struct DeadLetterSelection {
  DeadLetterFilter filter;
  bool all = false;  ///< it is meant that nothing narrows it
  Sequence cursor;   ///< only above it
  std::optional<unsigned> limit;

  bool narrows() const noexcept { return filter.reason || filter.since || filter.until || filter.replayed.has_value(); }
};

/// What is said to a selection that neither narrows nor says all. `all`: how to say it.
Error selection_needed(std::string_view all);

struct ReplayRequest {
  std::vector<Sequence> seqs;     ///< these; empty: what `selection` says
  DeadLetterSelection selection;  ///< of those not replayed yet, whatever its filter says
  bool dry_run = false;
};

/// {"seqs":[1,2,…]} or {"reason"?,"since"?,"until"?,"all"?,"cursor"?,"limit"?}, and "dry_run"?
void append_replay_request(std::string& out, const ReplayRequest& request);
/// Exact. The numbers come sorted, each once, at most kMaxReplayLetters. A selection that does not narrow needs
/// "all":true.
Result<ReplayRequest> read_replay_request(std::string_view json);
/// For one letter: nothing, or {"dry_run"?}. Gives dry_run.
Result<bool> read_replay_one_request(std::string_view json);

/// What became of one letter, or what would be done.
struct ReplayLine {
  enum class Outcome { stored, refused, skipped, would_be_tried };
  Sequence seq;
  Outcome outcome = Outcome::skipped;
  std::optional<MessageId> id;  ///< unless skipped
  Refusal refusal;              ///< when refused
};
std::string_view to_string(ReplayLine::Outcome outcome) noexcept;
ReplayLine line_of(const Replayed& replayed);

/// {"seq","id"?,"result","reason"?,"detail"?,"sqlstate"?}
void append_replay_line(std::string& out, const ReplayLine& line);

struct ReplayReport {
  std::vector<ReplayLine> lines;
  std::int64_t stored = 0;
  std::int64_t refused = 0;
  std::int64_t skipped = 0;
  Sequence next_cursor;  ///< where a selection goes on
  bool has_more = false;
  bool dry_run = false;

  /// Appends and counts.
  void add(ReplayLine line);
};
/// {"data":[…],"stored","refused","skipped","next_cursor":"7","has_more"} and "dry_run":true when it was one.
void append_replay_report(std::string& out, const ReplayReport& report);
Result<ReplayReport> read_replay_report(std::string_view json);

}  // namespace mtmsg::wire
