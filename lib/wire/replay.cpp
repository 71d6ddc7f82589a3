#include "wire/replay.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "domain/message.hpp"
#include "wire/dead_letter.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

using Outcome = ReplayLine::Outcome;

constexpr std::array kOutcomes{Outcome::stored, Outcome::refused, Outcome::skipped, Outcome::would_be_tried};

Result<std::vector<Sequence>> read_numbers(std::string_view json) {
  const auto elements = split_array(json, "field \"seqs\"");
  if (!elements) return elements.error();
  if (elements->empty() || elements->size() > kMaxReplayLetters)
    return fail(ErrorCode::invalid_argument,
                "field \"seqs\" takes 1 to " + std::to_string(kMaxReplayLetters) + " numbers");
  std::vector<Sequence> numbers;
  for (const auto element : *elements) {
    std::int64_t number = 0;
    const auto* end = element.data() + element.size();
    const auto [stopped, ec] = std::from_chars(element.data(), end, number);
    if (ec != std::errc{} || stopped != end || number < 1)
      return fail(ErrorCode::invalid_argument, "field \"seqs\" takes the numbers of dead letters: whole, from 1");
    numbers.push_back(Sequence{number});
  }
  std::ranges::sort(numbers, {}, &Sequence::value);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

/// `parse` applied to a field of text that is there.
template <class Parse, class Value>
void take_parsed(FieldReader& fields, std::string_view key, Parse parse, Value& value) {
  const auto text = fields.optional_text(key);
  if (!text) return;
  const auto parsed = parse(*text);
  if (parsed)
    value = *parsed;
  else
    fields.refuse("field \"" + std::string(key) + "\": " + parsed.error().message);
}

DeadLetterSelection take_selection(FieldReader& fields) {
  DeadLetterSelection selection;
  take_parsed(fields, "reason", parse_dead_reason, selection.filter.reason);
  selection.filter.since = fields.optional_time("since");
  selection.filter.until = fields.optional_time("until");
  selection.all = fields.optional_flag("all").value_or(false);
  take_parsed(fields, "cursor", parse_cursor, selection.cursor);
  selection.limit = fields.optional_unsigned("limit");
  if (selection.limit && (*selection.limit < 1 || *selection.limit > kMaxReplayLetters))
    fields.refuse("field \"limit\" is a number from 1 to " + std::to_string(kMaxReplayLetters));
  return selection;
}

bool names_selection(const FieldReader& fields) {
  for (const auto* key : {"reason", "since", "until", "all", "cursor", "limit"})
    if (fields.has(key)) return true;
  return false;
}

Result<ReplayLine> read_line(std::string_view json) {
  FieldReader fields(json, "replayed letter", Reading::tolerant);
  ReplayLine line;
  line.seq = Sequence{fields.number("seq")};
  const auto result = fields.text("result");
  const auto* outcome =
      std::find_if(kOutcomes.begin(), kOutcomes.end(), [&](auto o) { return result == to_string(o); });
  if (outcome == kOutcomes.end())
    fields.refuse("field \"result\" is none that is known");
  else
    line.outcome = *outcome;
  if (const auto id = fields.optional_text("id")) line.id = MessageId::parse(*id);
  take_parsed(fields, "reason", parse_dead_reason, line.refusal.reason);
  line.refusal.detail = fields.optional_text("detail").value_or("");
  line.refusal.sqlstate = fields.optional_text("sqlstate").value_or("");
  if (auto done = fields.finish(); !done) return done.error();
  return line;
}

}  // namespace

Error selection_needed(std::string_view all) {
  return fail(ErrorCode::invalid_argument,
              "say which dead letters: their numbers, or a reason, or a range of time, or " + std::string(all) +
                  " for all of them");
}

void append_replay_request(std::string& out, const ReplayRequest& request) {
  ObjectWriter object(out);
  const auto& selection = request.selection;
  if (!request.seqs.empty()) {
    append_array(object.value("seqs"), request.seqs,
                 [](std::string& to, Sequence seq) { to += std::to_string(seq.value); });
  } else {
    if (selection.filter.reason) object.text("reason", mtmsg::to_string(*selection.filter.reason));
    if (selection.filter.since) object.text("since", format_timestamp(*selection.filter.since));
    if (selection.filter.until) object.text("until", format_timestamp(*selection.filter.until));
    if (selection.all) object.flag("all", true);
    if (selection.cursor.value > 0) object.text("cursor", std::to_string(selection.cursor.value));
    if (selection.limit) object.number("limit", *selection.limit);
  }
  if (request.dry_run) object.flag("dry_run", true);
  object.close();
}

Result<ReplayRequest> read_replay_request(std::string_view json) {
  FieldReader fields(json, "replay", Reading::exact);
  ReplayRequest request;
  request.dry_run = fields.optional_flag("dry_run").value_or(false);
  request.selection = take_selection(fields);
  const auto seqs = fields.optional_raw("seqs");
  if (seqs && names_selection(fields)) fields.refuse("give \"seqs\" or a selection, not both");
  if (auto done = fields.finish(); !done) return done.error();
  if (seqs) {
    auto numbers = read_numbers(*seqs);
    if (!numbers) return Error(numbers.error()).with_context("replay");
    request.seqs = std::move(*numbers);
  } else if (!request.selection.narrows() && !request.selection.all) {
    return selection_needed("\"all\":true").with_context("replay");
  }
  return request;
}

Result<bool> read_replay_one_request(std::string_view json) {
  if (json.empty()) return false;
  FieldReader fields(json, "replay", Reading::exact);
  const auto dry_run = fields.optional_flag("dry_run").value_or(false);
  if (auto done = fields.finish(); !done) return done.error();
  return dry_run;
}

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::stored:
      return "stored";
    case Outcome::refused:
      return "refused";
    case Outcome::skipped:
      return "skipped";
    case Outcome::would_be_tried:
      return "would_be_tried";
  }
  return "skipped";
}

ReplayLine line_of(const Replayed& replayed) {
  switch (replayed.outcome) {
    case Replayed::Outcome::stored:
      return {replayed.seq, Outcome::stored, replayed.id, {}};
    case Replayed::Outcome::refused:
      return {replayed.seq, Outcome::refused, replayed.id, replayed.refusal};
    case Replayed::Outcome::skipped:
      break;
  }
  return {replayed.seq, Outcome::skipped, std::nullopt, {}};
}

void append_replay_line(std::string& out, const ReplayLine& line) {
  ObjectWriter object(out);
  object.number("seq", line.seq.value);
  if (line.id) object.text("id", line.id->to_string());
  object.text("result", to_string(line.outcome));
  if (line.outcome == Outcome::refused) {
    object.text("reason", mtmsg::to_string(line.refusal.reason)).text("detail", line.refusal.detail);
    if (!line.refusal.sqlstate.empty()) object.text("sqlstate", line.refusal.sqlstate);
  }
  object.close();
}

void ReplayReport::add(ReplayLine line) {
  stored += line.outcome == Outcome::stored;
  refused += line.outcome == Outcome::refused;
  skipped += line.outcome == Outcome::skipped;
  lines.push_back(std::move(line));
}

void append_replay_report(std::string& out, const ReplayReport& report) {
  ObjectWriter object(out);
  append_array(object.value("data"), report.lines, append_replay_line);
  object.number("stored", report.stored)
      .number("refused", report.refused)
      .number("skipped", report.skipped)
      .text("next_cursor", std::to_string(report.next_cursor.value))
      .flag("has_more", report.has_more);
  if (report.dry_run) object.flag("dry_run", true);
  object.close();
}

Result<ReplayReport> read_replay_report(std::string_view json) {
  FieldReader fields(json, "answer", Reading::tolerant);
  ReplayReport report;
  const auto data = fields.raw("data");
  take_parsed(fields, "next_cursor", parse_cursor, report.next_cursor);
  report.has_more = fields.flag("has_more");
  report.dry_run = fields.optional_flag("dry_run").value_or(false);
  if (auto done = fields.finish(); !done) return done.error();
  const auto rows = split_array(data, "answer");
  if (!rows) return rows.error();
  for (const auto row : *rows) {
    auto line = read_line(row);
    if (!line) return line.error();
    report.add(std::move(*line));
  }
  return report;
}

}  // namespace mtmsg::wire
