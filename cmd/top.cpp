#include <cstdlib>
#include <memory>

#include "cmd/command.hpp"
#include "cmd/export/interruption.hpp"
#include "cmd/top/live.hpp"
#include "cmd/top/screen.hpp"
#include "cmd/top/terminal.hpp"
#include "wire/activity.hpp"
#include "wire/json_text.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::uint64_t kLongestInterval = 3600;
constexpr std::uint64_t kMostLooks = 1'000'000'000;

struct Options {
  std::string sort = "depth";
  bool reverse = false;
  client::ActivityQuery query;
  std::uint64_t interval_seconds = 2;
  bool once = false;
  bool batch = false;
  std::uint64_t count = 0;
};

std::string sort_names() {
  std::string all;
  for (const auto sort : wire::kActivitySorts) all += (all.empty() ? "" : ", ") + std::string(to_string(sort));
  return all;
}

client::ActivityQuery query_of(const Options& options) {
  auto query = options.query;
  query.sort = wire::activity_sort_from(options.sort).value_or(query.sort);
  query.direction = options.reverse ? wire::Direction::reverse : wire::Direction::natural;
  return query;
}

std::string decimal(double number) {
  std::string text;
  wire::ObjectWriter(text).decimal("", number);
  return text.substr(4);  // behind {"":
}

std::vector<std::string> cells_for_scripts(const wire::TenantMoves& row, Timestamp at) {
  const auto maybe = [](const auto& number) { return number ? std::to_string(*number) : std::string(); };
  return {format_timestamp(at),
          row.id.to_string(),
          row.name,
          row.state,
          std::to_string(row.workers),
          std::to_string(row.workers_busy),
          maybe(row.ready),
          std::to_string(row.unacked),
          decimal(row.in_per_second),
          decimal(row.out_per_second),
          row.lag_seconds ? decimal(*row.lag_seconds) : "",
          maybe(row.messages),
          maybe(row.dead_letters),
          row.last_stored_at ? format_timestamp(*row.last_stored_at) : ""};
}

std::vector<std::string> cells_for_people(const wire::TenantMoves& row) {
  const auto maybe = [](const auto& number) { return number ? std::to_string(*number) : std::string("-"); };
  return {row.name,
          row.state,
          maybe(row.ready),
          std::to_string(row.unacked),
          top::compact(row.in_per_second),
          top::compact(row.out_per_second),
          std::to_string(row.workers_busy) + "/" + std::to_string(row.workers),
          top::lag_text(row.lag_seconds),
          maybe(row.dead_letters)};
}

Listing listing_of(const wire::ActivityPage& page, bool for_people) {
  Listing listing;
  if (for_people)
    listing.table.columns = {{"name", Kind::flexible}, {"state"},
                             {"ready", Kind::number},  {"hand", Kind::number},
                             {"in/s", Kind::number},   {"out/s", Kind::number},
                             {"busy", Kind::number},   {"lag", Kind::number},
                             {"dead", Kind::number}};
  else
    listing.table.columns = {{"at"},           {"id"},       {"name"},         {"state"},         {"workers"},
                             {"workers_busy"}, {"ready"},    {"unacked"},      {"in_per_second"}, {"out_per_second"},
                             {"lag_seconds"},  {"messages"}, {"dead_letters"}, {"last_stored_at"}};
  for (const auto& row : page.data) {
    listing.table.rows.push_back(for_people ? cells_for_people(row) : cells_for_scripts(row, page.at));
    std::string json;
    wire::append_moves(json, row);
    listing.json.push_back("{\"at\":\"" + format_timestamp(page.at) + "\"," + json.substr(1));
  }
  wire::append_activity(listing.document, page);
  return listing;
}

std::string heading(const wire::ActivityPage& page) {
  return without_fraction(format_timestamp(page.at)) + "  " + counted(page.total.tenants, "tenant") + ", " +
         (page.ready ? "ready" : "not ready: " + page.not_ready) + "\n";
}

/// One look after the other; the names of csv's columns stand above the first only.
class Batch {
 public:
  Batch(Context& context, const Options& options) : context_(context), options_(options) {}

  ExitCode run() {
    Interruption interruption([this] { context_.client().interrupt(); });
    while (!interruption.requested()) {
      const auto page = context_.client().activity(query_of(options_));
      if (!page && interruption.requested()) break;
      if (!page) return context_.failed(page.error());
      print(*page);
      ++looks_;
      if (options_.count > 0 && looks_ == options_.count) break;
      if (!interruption.sleep(std::chrono::seconds(options_.interval_seconds))) break;
    }
    return ExitCode::done;
  }

 private:
  void print(const wire::ActivityPage& page) {
    const auto format = context_.format();
    const auto listing = listing_of(page, format == Format::table);
    if (format == Format::csv && looks_ > 0) {
      std::string text;
      append_csv(text, listing.table);
      context_.around().out.write(text.substr(text.find('\n') + 1));
    } else {
      if (format == Format::table) context_.around().out.write((looks_ > 0 ? "\n" : "") + heading(page));
      context_.print(listing);
    }
    context_.around().out.flush();
  }

  Context& context_;
  const Options& options_;
  std::uint64_t looks_ = 0;
};

ExitCode once(Context& context, const Options& options) {
  const auto page = context.client().activity(query_of(options));
  if (!page) return context.failed(page.error());
  context.print(listing_of(*page, context.format() == Format::table));
  if (page->total.tenants > page->data.size())
    context.note("These are " + std::to_string(page->data.size()) + " of " + counted(page->total.tenants, "tenant") +
                 "; --limit shows more.");
  if (!page->ready) context.note("The daemon is not ready: " + page->not_ready);
  return ExitCode::done;
}

ExitCode show(Context& context, const Options& options) {
  if (options.once && options.batch)
    return context.usage_error("--once is one look, --batch is many: give one of them");
  if (options.count > 0 && !options.batch) return context.usage_error("--count goes with --batch");
  if (options.once) return once(context, options);
  if (options.batch) return Batch(context, options).run();
  const auto& around = context.around();
  if (!around.in_is_terminal || !around.out_is_terminal || !top::can_draw(std::getenv("TERM")))
    return context.usage_error("top draws on a terminal, and this is none; for scripts there are --once and --batch");
  if (context.format() != Format::table) return context.usage_error("a format goes with --once or --batch");
  return top::watch(context, query_of(options), std::chrono::seconds(options.interval_seconds));
}

}  // namespace

void add_top(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  noun.add_option("--sort", options->sort, "Order by " + sort_names())
      ->type_name("COLUMN")
      ->capture_default_str()
      ->check([](const std::string& name) {
        return wire::activity_sort_from(name) ? std::string() : "'" + name + "' is not one of " + sort_names();
      });
  noun.add_flag("--reverse", options->reverse, "The other way round");
  noun.add_option("--filter", options->query.name, "Only tenants whose names contain this")->type_name("TEXT");
  noun.add_option("--limit", options->query.limit, "With --once and --batch: so many tenants, 1 to 1000")
      ->type_name("N")
      ->check(whole_number(1, kMaxPageRows))
      ->capture_default_str();
  noun.add_option("--interval", options->interval_seconds, "Seconds between two looks")
      ->type_name("SECONDS")
      ->check(whole_number(1, kLongestInterval))
      ->capture_default_str();
  noun.add_flag("--once", options->once, "Print one look, and end");
  noun.add_flag("--batch", options->batch, "Print look after look, until SIGINT or SIGTERM");
  noun.add_option("--count", options->count, "With --batch: end after so many looks")
      ->type_name("N")
      ->check(whole_number(1, kMostLooks));
  on_chosen(noun, chosen, [options](Context& context) { return show(context, *options); });
}

}  // namespace mtmsg::ctl
