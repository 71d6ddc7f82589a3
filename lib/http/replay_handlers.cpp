#include <algorithm>

#include "domain/message.hpp"
#include "http/body.hpp"
#include "http/handlers.hpp"
#include "http/parameters.hpp"
#include "wire/json_text.hpp"
#include "wire/replay.hpp"

namespace mtmsg::http {
namespace {

using Outcome = wire::ReplayLine::Outcome;

/// What a replay is about to try.
struct Plan {
  std::vector<DeadLetter> letters;  ///< without bodies
  std::vector<Sequence> skipped;    ///< asked for, but replayed before or not there
  Sequence next_cursor;
  bool has_more = false;
};

std::vector<Sequence> numbers_of(const std::vector<DeadLetter>& letters) {
  std::vector<Sequence> numbers;
  numbers.reserve(letters.size());
  for (const auto& letter : letters) numbers.push_back(letter.seq);
  return numbers;
}

/// The letter of this number as a listing has it: its body may be large, and nobody reads it here.
Result<std::optional<DeadLetter>> look_up(const Context& context, Sequence seq) {
  auto page = context.services.dead_letters.page(context.reader(), context.tenant->id, {}, Sequence{seq.value - 1}, 1);
  if (!page) return page.error();
  if (page->data.empty() || page->data.front().seq != seq) return std::optional<DeadLetter>();
  return std::optional(std::move(page->data.front()));
}

Result<Plan> plan_of(const Context& context, const std::vector<Sequence>& seqs) {
  Plan plan;
  for (const auto seq : seqs) {
    auto letter = look_up(context, seq);
    if (!letter) return letter.error();
    if (*letter && !(*letter)->replayed_at)
      plan.letters.push_back(std::move(**letter));
    else
      plan.skipped.push_back(seq);
  }
  return plan;
}

Result<Plan> plan_of(const Context& context, const wire::DeadLetterSelection& selection) {
  auto filter = selection.filter;
  filter.replayed = false;
  auto page = context.services.dead_letters.page(context.reader(), context.tenant->id, filter, selection.cursor,
                                                 selection.limit.value_or(wire::kDefaultReplayLetters));
  if (!page) return page.error();
  return Plan{std::move(page->data), {}, page->next_cursor, page->has_more};
}

void report_plan(wire::ReplayReport& report, const Plan& plan) {
  report.dry_run = true;
  for (const auto& letter : plan.letters) report.add({letter.seq, Outcome::would_be_tried, letter.id, {}});
  for (const auto seq : plan.skipped) report.add({seq, Outcome::skipped, std::nullopt, {}});
  std::sort(report.lines.begin(), report.lines.end(), [](auto& a, auto& b) { return a.seq.value < b.seq.value; });
}

Result<void> try_again(wire::ReplayReport& report, const Context& context, std::vector<Sequence> seqs) {
  if (seqs.empty()) return {};
  const auto replayed = context.services.replay(context.tenant->id, std::move(seqs));
  if (!replayed) return replayed.error();
  for (const auto& each : *replayed) report.add(wire::line_of(each));
  return {};
}

Result<wire::ReplayReport> replay(const Context& context, const wire::ReplayRequest& request) {
  wire::ReplayReport report;
  if (!request.seqs.empty() && !request.dry_run) {
    report.next_cursor = request.seqs.back();
    if (auto tried = try_again(report, context, request.seqs); !tried) return tried.error();
    return report;
  }
  const auto plan = request.seqs.empty() ? plan_of(context, request.selection) : plan_of(context, request.seqs);
  if (!plan) return plan.error();
  report.next_cursor = request.seqs.empty() ? plan->next_cursor : request.seqs.back();
  report.has_more = plan->has_more;
  if (request.dry_run) {
    report_plan(report, *plan);
  } else if (auto tried = try_again(report, context, numbers_of(plan->letters)); !tried) {
    return tried.error();
  }
  return report;
}

std::string note_of(const wire::ReplayRequest& request, const Result<wire::ReplayReport>& report) {
  std::string note;
  wire::ObjectWriter object(note);
  wire::append_replay_request(object.value("request"), request);
  if (report) object.number("stored", report->stored).number("refused", report->refused);
  object.close();
  return note;
}

Answer answer_with(Context& context, const wire::ReplayRequest& request) {
  if (request.dry_run) context.note.outcome = AuditNote::Outcome::only_asked;
  if (auto active = check_active(*context.tenant); !active) return Problem(active.error());
  const auto report = replay(context, request);
  context.note.detail = note_of(request, report);
  if (!report) return Problem(report.error());
  std::string out;
  wire::append_replay_report(out, *report);
  return Response::json(200, std::move(out));
}

}  // namespace

Answer replay_dead_letters(Context& context) {
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto request = wire::read_replay_request(*body);
  if (!request) return Problem(request.error());
  return answer_with(context, *request);
}

Answer replay_dead_letter(Context& context) {
  const auto seq = letter_number(context);
  if (!seq) return Problem(seq.error());
  const auto body = read_json_body(context.request);
  if (!body) return body.error();
  const auto dry_run = wire::read_replay_one_request(*body);
  if (!dry_run) return Problem(dry_run.error());
  const auto letter = look_up(context, *seq);
  if (!letter) return Problem(letter.error());
  if (!*letter) return Problem(no_such_letter(*seq));
  wire::ReplayRequest request;
  request.seqs = {*seq};
  request.dry_run = *dry_run;
  return answer_with(context, request);
}

}  // namespace mtmsg::http
