#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/dead_letter.hpp"
#include "domain/message.hpp"

/// Dead letters in the API's JSON: to list, to show and to delete (to replay: wire/replay.hpp). Any thread.
namespace mtmsg::wire {

/// Error: invalid_argument, with the list of reasons there are.
Result<DeadReason> parse_dead_reason(std::string_view text);

enum class LetterBody { left_out, written };

/// {"seq","id","tenant_id","reason","detail","sqlstate","deliveries","tries","body_bytes","headers","exchange",
/// "routing_key","published_at","failed_at","tried_at","replayed_at"}, and the body: as "body" when it is UTF-8, else
/// as "body_base64". Headers that are no JSON object are given as a string.
void append_dead_letter(std::string& out, const DeadLetter& letter, LetterBody body);
/// The body is empty when the JSON has none.
Result<DeadLetter> read_dead_letter(std::string_view json);

/// {"data":[…],"next_cursor":"456","has_more"}, without bodies. wire/message.hpp, read_page reads it.
void append_dead_letters(std::string& out, const std::vector<DeadLetter>& letters, Sequence next_cursor, bool has_more);

/// What a request deleted: {"deleted","has_more"}, or {"deleted":0,"would_delete"} when it was only asked.
struct Purged {
  std::int64_t deleted = 0;
  std::optional<std::int64_t> would_delete;
  bool has_more = false;
  friend bool operator==(const Purged&, const Purged&) = default;
};
void append_purged(std::string& out, const Purged& purged);
Result<Purged> read_purged(std::string_view json);

}  // namespace mtmsg::wire
