// What each of several tenants gets while all of them have more work than the writers can do: backlogs wait when the
// daemon starts, and rows are counted, by the database's clock, while everybody still has some. Prints a table a run
// and the largest deviation from a share in proportion to the workers. That the writers were busy and rows were waiting
// is sampled through the API: without both, nobody has to share.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <signal.h>

#include "bench/figures.hpp"
#include "support/backlog.hpp"
#include "support/world.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  std::vector<unsigned> workers{1, 2, 8};
  std::size_t messages = 20'000;
  std::size_t payload_bytes = 200;
  unsigned batch = 500;
  unsigned writers = 2;
  unsigned runs = 3;
  std::string queue_type = "quorum";
};

struct Contestant {
  TenantId tenant;
  unsigned workers = 1;
  std::size_t backlog = 0;
  std::size_t samples_waiting = 0;  ///< in which rows of it were waiting for a writer
  double rate = 0;                  ///< messages a second
};

struct Saturation {
  std::size_t samples = 0;
  double writers_busy = 0;  ///< sum over the samples of the part of the writers that was busy
};

/// Until the first backlog is stored: from then on the others need not share with its owner.
Saturation watch(test::World& world, std::vector<Contestant>& contestants) {
  Saturation seen;
  for (const auto deadline = Clock::now() + std::chrono::minutes(10);;) {
    if (Clock::now() > deadline) throw std::runtime_error("no backlog is drained: " + world.picture());
    bool one_is_done = false;
    bool all_began = true;
    std::vector<bool> waiting;
    for (const auto& each : contestants) {
      const auto detail = world.client().tenant(each.tenant.to_string());
      if (detail.has_error()) throw std::runtime_error("no answer:\n" + world.log());
      waiting.push_back(detail->activity.waiting > 0);
      all_began = all_began && detail->messages > 0;
      one_is_done = one_is_done || detail->messages >= static_cast<std::int64_t>(each.backlog);
    }
    if (one_is_done) return seen;
    const auto status = world.client().status();
    if (all_began && status.has_value()) {
      ++seen.samples;
      seen.writers_busy += static_cast<double>(status->writers.busy) / static_cast<double>(status->writers.total);
      for (std::size_t i = 0; i < contestants.size(); ++i) contestants[i].samples_waiting += waiting[i] ? 1 : 0;
    }
    test::short_pause();
  }
}

/// From when everybody had begun (and a tenth more: channels open up step by step) to when the first had finished.
void count_rates(const test::World& world, std::vector<Contestant>& contestants) {
  const std::string window =
      "with each as (select min(created_at) as first, max(created_at) as last from messages group by tenant_id), "
      "all_at_once as (select max(first) + (min(last) - max(first)) / 10 as first, min(last) as last from each) ";
  const auto seconds = std::stod(world.sql(window + "select extract(epoch from last - first) from all_at_once"));
  if (seconds <= 0) throw std::runtime_error("the backlogs are too small: nothing ran at the same time");
  for (auto& each : contestants) {
    const auto rows = world.number(window + "select count(*) from messages, all_at_once where tenant_id = '" +
                                   each.tenant.to_string() + "' and created_at > first and created_at <= last");
    each.rate = static_cast<double>(rows) / seconds;
  }
}

std::vector<Contestant> make_backlogs(test::World& world, const Options& options) {
  world.start_daemon();
  std::vector<Contestant> contestants;
  for (const auto workers : options.workers) {
    const auto name = "bench-" + std::to_string(contestants.size());
    contestants.push_back({world.create_tenant(name, workers).id, workers, workers * options.messages});
  }
  world.stop_daemon();
  for (const auto& each : contestants) {
    test::publish_backlog({each.tenant}, each.backlog,
                          [&](std::size_t n) { return test::json_of(n, options.payload_bytes); });
  }
  return contestants;
}

/// The largest deviation of a tenant's share from the one its workers stand for.
double print(const std::vector<Contestant>& contestants, const Saturation& seen) {
  double rates = 0;
  double workers = 0;
  for (const auto& each : contestants) {
    rates += each.rate;
    workers += each.workers;
  }
  const auto& smallest = *std::min_element(contestants.begin(), contestants.end(),
                                           [](const auto& a, const auto& b) { return a.workers < b.workers; });
  std::printf("  %7s %12s %10s %10s %12s %8s\n", "workers", "messages/s", "deviation", "ratio", "fair ratio",
              "waiting");
  double largest = 0;
  for (const auto& each : contestants) {
    const auto deviation = each.rate / rates / (each.workers / workers) - 1;
    largest = std::max(largest, std::abs(deviation));
    std::printf("  %7u %12.0f %+9.1f%% %10.2f %12.2f %7.0f%%\n", each.workers, each.rate, 100 * deviation,
                each.rate / smallest.rate, each.workers / static_cast<double>(smallest.workers),
                100.0 * static_cast<double>(each.samples_waiting) / static_cast<double>(seen.samples));
  }
  return largest;
}

int run(const Options& options) {
  std::vector<double> deviations;
  for (unsigned run = 1; run <= options.runs; ++run) {
    test::World world(test::Settings{{"MTMSG_DATABASE_WRITERS", std::to_string(options.writers)},
                                     {"MTMSG_TENANTS_BATCH", std::to_string(options.batch)},
                                     {"MTMSG_BROKER_QUEUE_TYPE", options.queue_type}});
    auto contestants = make_backlogs(world, options);
    world.start_daemon();
    const auto seen = watch(world, contestants);
    if (seen.samples == 0) throw std::runtime_error("the backlogs are too small: nothing ran at the same time");
    world.stop_daemon();
    if (const auto wrong = world.gaps_and_doubles(); !wrong.empty()) throw std::runtime_error(wrong);
    count_rates(world, contestants);
    std::printf("run %u: writers busy %.0f%% of the time\n", run,
                100 * seen.writers_busy / static_cast<double>(seen.samples));
    deviations.push_back(print(contestants, seen));
    std::printf("  largest deviation %.1f%%\n", 100 * deviations.back());
    std::fflush(stdout);
  }
  std::printf("median of the largest deviations %.1f%% (target: at most 15%%)\n", 100 * median(deviations));
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  mtmsg::bench::Options options;
  CLI::App app("Drains the backlogs of tenants with different numbers of workers at the same time");
  app.footer(
      "Examples:\n"
      "  bench_fair                         three tenants with 1, 2 and 8 workers\n"
      "  bench_fair --workers 3,3 --runs 1  two of the same size, once\n"
      "  bench_fair --writers 1             one transaction at a time");
  app.add_option("--workers", options.workers, "workers of each tenant")->delimiter(',')->capture_default_str();
  app.add_option("--messages", options.messages, "in a backlog, for each worker of its tenant")->capture_default_str();
  app.add_option("--bytes", options.payload_bytes, "size of a payload")->capture_default_str();
  app.add_option("--batch", options.batch, "tenants.batch")->capture_default_str();
  app.add_option("--writers", options.writers, "database.writers")->capture_default_str();
  app.add_option("--queue-type", options.queue_type, "quorum or classic")->capture_default_str();
  app.add_option("--runs", options.runs, "runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_fair: %s\n", failure.what());
    return 1;
  }
}
