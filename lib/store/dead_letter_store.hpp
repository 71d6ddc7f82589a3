#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/dead_letter.hpp"
#include "store/reader.hpp"

namespace mtmsg::store {

/// In order of their numbers, without bodies.
struct DeadLetterPage {
  std::vector<DeadLetter> data;
  Sequence next_cursor;  ///< where to go on from; the one given when the page is empty
  bool has_more = false;
};

/// May a message that the broker gave up be tried once more?
struct LastTry {
  enum class Verdict {
    granted,   ///< yes, and the try is on record
    used_up,   ///< no: it stays a dead letter
    no_letter  ///< no: no open letter under its id says delivery_limit (any more), so the try would not be on record
  };
  Verdict verdict = Verdict::no_letter;
  Sequence letter;
};

/// The dead letters, to read, to try again and to delete; BatchStore writes them. Any thread; every call blocks for one
/// short transaction. Errors: not_found (no such tenant, or one that is being deleted), database_unavailable, timeout
/// where letters change (somebody else holds the tenant's counter for long), and those named.
class DeadLetterStore {
 public:
  virtual ~DeadLetterStore() = default;

  /// Those with a number above `cursor`, at most `limit`.
  virtual Result<DeadLetterPage> page(const Reader& reader, TenantId tenant, const DeadLetterFilter& filter,
                                      Sequence cursor, unsigned limit) = 0;
  /// With its body. not_found when there is no letter of this number.
  virtual Result<DeadLetter> get(const Reader& reader, TenantId tenant, Sequence seq) = 0;
  virtual Result<std::int64_t> count(const Reader& reader, TenantId tenant, const DeadLetterFilter& filter) = 0;

  /// Counts a try of each of these letters that is not replayed yet, and gives them with their bodies, in order. The
  /// try is on record before it begins, so that a message that brings the daemon down is found out. Stops before the
  /// letter whose body passes `max_bytes` in all (never before the first), so it may give fewer than asked for.
  virtual Result<std::vector<DeadLetter>> claim(TenantId tenant, std::span<const Sequence> letters,
                                                std::size_t max_bytes) = 0;

  /// Counts a try of a message that the broker gave up and that was recorded as a letter under `id`, if it has fewer
  /// than `max_tries`. Once they are used up the letter is this message's for good, under the id `kept_as`: the same,
  /// or another one where `id` stands for all messages that are alike, so that each ends as a letter of its own.
  /// `at` tells this try from others: asked again, because the answer was lost, it is counted once.
  virtual Result<LastTry> begin_last_try(TenantId tenant, MessageId id, unsigned max_tries, MessageId kept_as,
                                         Timestamp at) = 0;
  /// The daemon outlived a try that came to nothing (somebody's lock, a trouble of its tenant's): it does not count.
  virtual Result<void> take_back_last_try(TenantId tenant, MessageId id) = 0;

  /// Deletes at most `limit` of those with a number above `cursor`, the lowest first; how many it were.
  virtual Result<std::int64_t> purge(TenantId tenant, const DeadLetterFilter& filter, Sequence cursor,
                                     unsigned limit) = 0;
  /// Deletes these; how many were there.
  virtual Result<std::int64_t> purge(TenantId tenant, std::span<const Sequence> letters) = 0;
};

}  // namespace mtmsg::store
