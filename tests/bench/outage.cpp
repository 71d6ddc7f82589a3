// What the daemon costs while its database is away and its queues fill: memory over time, and whether all is stored
// once it is back. Prints one line every so often, and the largest figure.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/figures.hpp"
#include "support/backlog.hpp"
#include "support/world.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  double minutes = 10;
  unsigned every_s = 30;
  std::size_t messages = 200'000;
  std::size_t payload_bytes = 2'000;
  unsigned tenants = 4;
  unsigned workers = 64;
};

/// One line; what the daemon has in flight is its own word.
void print(test::World& world, double minute) {
  const auto status = world.client().status();
  const auto known = status.has_value();
  std::printf("minute %5.1f: RSS %6.1f MiB, in flight %6.1f MiB, unacked %8llu, delivery link %s, database %s\n",
              minute, mib(world.daemon().memory_bytes()), known ? mib(status->pipeline.in_flight_bytes) : 0.0,
              known ? static_cast<unsigned long long>(status->pipeline.unacked) : 0ULL,
              known && status->links.front().connected ? "connected" : "away",
              known && !status->writers.database_away ? "there" : "away");
  std::fflush(stdout);
}

int run(const Options& options) {
  test::World world;
  world.start_daemon();
  std::vector<TenantId> tenants;
  for (unsigned i = 0; i < options.tenants; ++i)
    tenants.push_back(world.create_tenant("bench-" + std::to_string(i), options.workers).id);
  const auto body = [&](std::size_t n) { return test::json_of(n, options.payload_bytes); };
  // The consumers are open when the database goes.
  test::publish_backlog(tenants, 1000, body);
  if (!test::eventually([&] { return world.stored() == 1000; })) throw std::runtime_error(world.picture());
  print(world, 0);
  std::size_t most = 0;
  {
    const test::World::DatabaseAway away(world);
    const auto begin = Clock::now();
    std::thread publishing([&] { test::publish_backlog(tenants, options.messages, body); });
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double, std::ratio<60>>(options.minutes));
    for (auto next = begin; next < end; next += std::chrono::seconds(options.every_s)) {
      for (; Clock::now() < next; std::this_thread::sleep_for(std::chrono::milliseconds(100)))
        most = std::max(most, world.daemon().memory_bytes());
      print(world, std::chrono::duration<double, std::ratio<60>>(Clock::now() - begin).count());
    }
    publishing.join();
  }
  const auto back = Clock::now();
  const auto wanted = static_cast<std::int64_t>(options.messages) + 1000;
  const auto done = [&] { return world.number("select sum(last_seq) from tenant_counters") >= wanted; };
  if (!test::eventually(done, std::chrono::minutes(10))) throw std::runtime_error("not drained: " + world.picture());
  const auto wrong = world.gaps_and_doubles();
  std::printf(
      "at most %.1f MiB during the outage, %.1f MiB in all; %lld messages stored %.1f s after its end, %s, %lld dead "
      "letters\n",
      mib(most), mib(world.daemon().peak_memory_bytes()), static_cast<long long>(world.stored()),
      std::chrono::duration<double>(Clock::now() - back).count(),
      wrong.empty() ? "no holes and no doubles" : wrong.c_str(),
      static_cast<long long>(world.number("select count(*) from dead_letters")));
  return wrong.empty() ? 0 : 1;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  mtmsg::bench::Options options;
  CLI::App app("Takes the database away while messages come in, and watches the daemon's memory");
  app.add_option("--minutes", options.minutes, "how long")->capture_default_str();
  app.add_option("--every", options.every_s, "seconds between two lines")->capture_default_str();
  app.add_option("--messages", options.messages, "published meanwhile")->capture_default_str();
  app.add_option("--bytes", options.payload_bytes, "size of a payload")->capture_default_str();
  app.add_option("--tenants", options.tenants, "tenants they are spread over")->capture_default_str();
  app.add_option("--workers", options.workers, "workers of each tenant")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_outage: %s\n", failure.what());
    return 1;
  }
}
