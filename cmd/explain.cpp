#include <cmath>
#include <memory>

#include "cmd/command.hpp"
#include "cmd/output/prose.hpp"
#include "wire/explanation.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kIndent = 9;

std::string_view verdict_words(std::string_view verdict) {
  if (verdict == "blocked") return "its messages do not arrive";
  if (verdict == "slow") return "its messages arrive late";
  return "all is well";
}

std::string label_of(std::string_view severity) {
  std::string label(severity == "fine" ? "ok" : severity);
  label.resize(std::max(label.size() + 1, kIndent), ' ');
  return label;
}

std::string rate_of(double per_second) {
  return with_commas(static_cast<std::uint64_t>(std::llround(per_second))) + "/s";
}

std::string count_of(const std::optional<std::int64_t>& number) {
  return number ? with_commas(static_cast<std::uint64_t>(std::max<std::int64_t>(*number, 0))) : "not known";
}

void append_facts(std::string& out, const wire::Explanation& seen) {
  const auto queue = seen.queue
                         ? with_commas(seen.queue->ready) + " (" + counted(seen.queue->consumers, "consumer") + ")"
                         : std::string("not known");
  append_card(out, {{"waiting_in_queue", queue},
                    {"in_hand", with_commas(seen.unacked) + " (" + std::to_string(seen.workers_busy) + " of " +
                                    counted(seen.workers, "worker") + " busy)"},
                    {"coming_in", rate_of(seen.delivered_per_second)},
                    {"stored", rate_of(seen.settled_per_second) + ", " + count_of(seen.messages) + " altogether"},
                    {"last_stored_at", seen.last_stored_at ? without_fraction(format_timestamp(*seen.last_stored_at))
                                                           : std::string(seen.messages ? "never" : "not known")},
                    {"dead_letters", count_of(seen.dead_letters)}});
}

std::string screen(const wire::Explanation& seen, unsigned width) {
  std::string out = seen.name + ": " + std::string(verdict_words(seen.verdict)) + "\n";
  for (const auto& finding : seen.findings) {
    out += '\n' + label_of(finding.severity);
    append_prose(out, finding.what, kIndent, width);
    if (finding.advice.empty()) continue;
    out.append(kIndent, ' ');
    append_prose(out, finding.advice, kIndent, width);
  }
  out += '\n';
  append_facts(out, seen);
  return out;
}

Listing listing_of(const wire::Explanation& seen) {
  Listing listing;
  listing.table.columns = {{"code"}, {"severity"}, {"what"}, {"advice"}};
  for (const auto& finding : seen.findings) {
    listing.table.rows.push_back({finding.code, finding.severity, finding.what, finding.advice});
    wire::append_finding(listing.json.emplace_back(), finding);
  }
  wire::append_explanation(listing.document, seen);
  return listing;
}

ExitCode explain(Context& context, const std::string& tenant) {
  const auto seen = context.client().explain(tenant);
  if (!seen) return context.failed(seen.error());
  if (context.format() == Format::table)
    context.around().out.write(screen(*seen, context.around().columns));
  else
    context.print(listing_of(*seen));
  return ExitCode::done;
}

}  // namespace

void add_explain(CLI::App& noun, Action& chosen) {
  const auto tenant = std::make_shared<std::string>();
  add_tenant_argument(noun, *tenant);
  on_chosen(noun, chosen, [tenant](Context& context) { return explain(context, *tenant); });
}

}  // namespace mtmsg::ctl
