#include <algorithm>

#include "domain/message.hpp"
#include "http/handlers.hpp"
#include "http/parameters.hpp"
#include "wire/dead_letter.hpp"
#include "wire/json_text.hpp"
#include "wire/replay.hpp"

namespace mtmsg::http {
namespace {

// One request deletes this many at most, in transactions of this size: a tenant's writers wait for none of them long.
constexpr std::int64_t kPurgedPerRequest = 10'000;
constexpr std::int64_t kPurgedPerTransaction = 1000;

Result<DeadLetterFilter> read_filter(const Context& context) {
  DeadLetterFilter filter;
  if (auto taken = take(context, "reason", wire::parse_dead_reason, filter.reason); !taken) return taken.error();
  if (auto taken = take(context, "since", parse_timestamp, filter.since); !taken) return taken.error();
  if (auto taken = take(context, "until", parse_timestamp, filter.until); !taken) return taken.error();
  if (auto taken = take(context, "replayed", parse_flag, filter.replayed); !taken) return taken.error();
  return filter;
}

Answer count_purge(const Context& context, const DeadLetterFilter& filter) {
  const auto count = context.services.dead_letters.count(context.reader(), context.tenant->id, filter);
  if (!count) return Problem(count.error());
  std::string out;
  wire::append_purged(out, {0, *count, false});
  return Response::json(200, std::move(out));
}

Result<std::int64_t> parse_purge_limit(std::string_view text) {
  const auto limit = parse_cursor(text);
  if (limit && limit->value >= 1 && limit->value <= kPurgedPerRequest) return limit->value;
  return fail(ErrorCode::invalid_argument, "it is a number from 1 to " + std::to_string(kPurgedPerRequest));
}

/// The lowest numbers first. An error only when nothing was deleted yet: else the caller is told of those, and that
/// there are more.
Result<wire::Purged> purge(const Context& context, const DeadLetterFilter& filter, std::int64_t limit) {
  auto& letters = context.services.dead_letters;
  wire::Purged purged;
  while (purged.deleted < limit) {
    const auto step = std::min(limit - purged.deleted, kPurgedPerTransaction);
    const auto gone = letters.purge(context.tenant->id, filter, Sequence{0}, static_cast<unsigned>(step));
    if (!gone && purged.deleted == 0) return gone.error();
    purged.has_more = !gone || *gone == step;
    if (!gone) return purged;
    purged.deleted += *gone;
    if (!purged.has_more) return purged;
  }
  const auto rest = letters.page(context.reader(), context.tenant->id, filter, Sequence{0}, 1);
  purged.has_more = !rest || !rest->data.empty();
  return purged;
}

std::string note_of(const wire::DeadLetterSelection& selection, const Result<wire::Purged>& purged) {
  std::string note;
  wire::ObjectWriter object(note);
  const auto& filter = selection.filter;
  if (filter.reason) object.text("reason", to_string(*filter.reason));
  if (filter.since) object.text("since", format_timestamp(*filter.since));
  if (filter.until) object.text("until", format_timestamp(*filter.until));
  if (filter.replayed) object.flag("replayed", *filter.replayed);
  if (selection.all) object.flag("all", true);
  if (purged) object.number("deleted", purged->deleted);
  object.close();
  return note;
}

}  // namespace

Answer list_dead_letters(Context& context) {
  const auto filter = read_filter(context);
  if (!filter) return Problem(filter.error());
  Sequence cursor;
  unsigned limit = kDefaultPageRows;
  if (auto taken = take(context, "cursor", parse_cursor, cursor); !taken) return Problem(taken.error());
  if (auto taken = take(context, "limit", parse_limit, limit); !taken) return Problem(taken.error());
  const auto page = context.services.dead_letters.page(context.reader(), context.tenant->id, *filter, cursor, limit);
  if (!page) return Problem(page.error());
  std::string out;
  wire::append_dead_letters(out, page->data, page->next_cursor, page->has_more);
  return Response::json(200, std::move(out));
}

Answer show_dead_letter(Context& context) {
  const auto seq = letter_number(context);
  if (!seq) return Problem(seq.error());
  const auto letter = context.services.dead_letters.get(context.reader(), context.tenant->id, *seq);
  if (!letter) return Problem(letter.error());
  std::string out;
  wire::append_dead_letter(out, *letter, wire::LetterBody::written);
  return Response::json(200, std::move(out));
}

Answer delete_dead_letter(Context& context) {
  const auto seq = letter_number(context);
  if (!seq) return Problem(seq.error());
  wire::ObjectWriter(context.note.detail).number("seq", seq->value).close();
  const auto gone = context.services.dead_letters.purge(context.tenant->id, std::span(&*seq, 1));
  if (!gone) return Problem(gone.error());
  if (*gone == 0) return Problem(no_such_letter(*seq));
  return Response{204, {}, {}, {}, {}};
}

Answer purge_dead_letters(Context& context) {
  wire::DeadLetterSelection selection;
  std::int64_t limit = kPurgedPerRequest;
  bool dry_run = false;
  const auto filter = read_filter(context);
  if (!filter) return Problem(filter.error());
  selection.filter = *filter;
  if (auto taken = take(context, "all", parse_flag, selection.all); !taken) return Problem(taken.error());
  if (auto taken = take(context, "limit", parse_purge_limit, limit); !taken) return Problem(taken.error());
  if (auto taken = take(context, "dry_run", parse_flag, dry_run); !taken) return Problem(taken.error());
  if (!selection.narrows() && !selection.all) return Problem(wire::selection_needed("all=true"));
  if (dry_run) {
    context.note.outcome = AuditNote::Outcome::only_asked;
    return count_purge(context, *filter);
  }
  const auto purged = purge(context, *filter, limit);
  context.note.detail = note_of(selection, purged);
  if (!purged) return Problem(purged.error());
  std::string out;
  wire::append_purged(out, *purged);
  return Response::json(200, std::move(out));
}

}  // namespace mtmsg::http
