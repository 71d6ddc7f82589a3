#include "cmd/dead_letter_options.hpp"

#include <algorithm>
#include <limits>

#include "wire/dead_letter.hpp"

namespace mtmsg::ctl {
namespace {

constexpr auto kHighestNumber = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// An option whose text `parse` understands; wrong text is a wrong line, and nothing is asked of the server.
template <class Parse, class Value>
CLI::Option* add_parsed(CLI::App& verb, std::string name, Parse parse, Value& value, std::string help) {
  return verb
      .add_option_function<std::string>(
          std::move(name), [parse, &value](const std::string& text) { value = parse(text).value(); }, std::move(help))
      ->check([parse](const std::string& text) {
        const auto parsed = parse(text);
        return parsed ? std::string() : "'" + text + "': " + parsed.error().message;
      });
}

std::string known_reasons() {
  std::string known;
  for (const auto reason : kDeadReasons) known.append(known.empty() ? "" : ", ").append(to_string(reason));
  return known;
}

}  // namespace

std::vector<Sequence> LetterOptions::numbers() const {
  std::vector<Sequence> out;
  for (const auto seq : seqs) out.push_back(Sequence{seq});
  std::ranges::sort(out, {}, &Sequence::value);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void add_letter_filter(CLI::App& verb, wire::DeadLetterSelection& selection) {
  add_parsed(verb, "--reason", wire::parse_dead_reason, selection.filter.reason,
             "Only those that failed for this reason: " + known_reasons())
      ->type_name("REASON");
  add_parsed(verb, "--since", parse_timestamp, selection.filter.since,
             "Only those that failed at this time or later (RFC 3339)")
      ->type_name("TIME");
  add_parsed(verb, "--until", parse_timestamp, selection.filter.until, "Only those that failed before this time")
      ->type_name("TIME");
}

void add_replayed_filter(CLI::App& verb, wire::DeadLetterSelection& selection) {
  auto* replayed = verb.add_flag_callback(
      "--replayed", [&selection] { selection.filter.replayed = true; }, "Only those that are messages by now");
  verb.add_flag_callback(
          "--not-replayed", [&selection] { selection.filter.replayed = false; }, "Only those that are not")
      ->excludes(replayed);
}

void add_letter_cursor(CLI::App& verb, wire::DeadLetterSelection& selection) {
  add_parsed(verb, "--cursor", parse_cursor, selection.cursor, "Begin after this number")->type_name("CURSOR");
}

void add_letter_choice(CLI::App& verb, LetterOptions& options) {
  verb.add_option("SEQ", options.seqs, "Numbers of dead letters, as 'list' shows them")
      ->check(whole_number(1, kHighestNumber));
  verb.add_flag("--all", options.selection.all, "All of them, where no other option narrows it");
}

std::string wrong_choice(const LetterOptions& options) {
  const auto& selection = options.selection;
  const bool selects = selection.narrows() || selection.all || selection.cursor.value > 0;
  if (!options.seqs.empty() && selects) return "give numbers or options that select, not both";
  if (options.seqs.empty() && !selection.narrows() && !selection.all) return wire::selection_needed("--all").message;
  return {};
}

}  // namespace mtmsg::ctl
