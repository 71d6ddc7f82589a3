// A flood of nothing but poison from one tenant, and what its neighbour gets meanwhile: the rate of both, beside the
// neighbour's rate without the flood.

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "support/backlog.hpp"
#include "support/world.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  std::size_t poison = 100'000;
  std::size_t good = 50'000;
  unsigned workers = 8;
};

struct Rates {
  double poison = 0;  ///< dead letters a second
  double good = 0;    ///< messages a second
};

/// From the first row to the last, by the database's clock.
double rate(const test::World& world, const std::string& time, const std::string& rows) {
  const auto value =
      world.sql("select count(*) / nullif(extract(epoch from max(" + time + ") - min(" + time + ")), 0) from " + rows);
  return value.empty() ? 0 : std::stod(value);
}

/// Both backlogs wait when the daemon starts; each has the same number of workers.
Rates measure(const Options& options, std::size_t poison, const std::string& body) {
  test::World world;
  world.start_daemon();
  const auto flooding = world.create_tenant("flooding", options.workers).id;
  const auto neighbour = world.create_tenant("neighbour", options.workers).id;
  world.stop_daemon();
  test::publish_backlog({flooding}, poison, [&](std::size_t) { return body; });
  test::publish_backlog({neighbour}, options.good, [](std::size_t n) { return test::json_of(n, 200); });
  world.start_daemon();
  const auto done = [&] {
    return world.number("select sum(last_seq + dead_letters) from tenant_counters") >=
           static_cast<std::int64_t>(poison + options.good);
  };
  if (!test::eventually(done, std::chrono::minutes(10))) throw std::runtime_error(world.picture());
  if (const auto wrong = world.gaps_and_doubles(); !wrong.empty()) throw std::runtime_error(wrong);
  return {rate(world, "failed_at", "dead_letters"), rate(world, "created_at", "messages")};
}

int run(const Options& options) {
  const auto alone = measure(options, 0, "");
  std::printf("no poison:              neighbour %8.0f messages/s\n", alone.good);
  const std::pair<const char*, std::string> kinds[] = {
      {"not JSON:              ", "{"},
      {"PostgreSQL finds it:   ", R"({"text":"\u0000"})"},
      {"too large when read:   ", "[1e131071" +
                                      [] {
                                        std::string more;
                                        for (int i = 0; i < 100; ++i) more += ",1e131071";
                                        return more;
                                      }() +
                                      "]"},
  };
  for (const auto& [name, body] : kinds) {
    const auto both = measure(options, options.poison, body);
    std::printf("%s neighbour %8.0f messages/s (%.2f of alone), poison %8.0f dead letters/s\n", name, both.good,
                both.good / alone.good, both.poison);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  mtmsg::bench::Options options;
  CLI::App app("Drains a backlog of poison of one tenant beside a backlog of good messages of another");
  app.add_option("--poison", options.poison, "bad messages")->capture_default_str();
  app.add_option("--good", options.good, "good messages")->capture_default_str();
  app.add_option("--workers", options.workers, "workers of each tenant")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_poison: %s\n", failure.what());
    return 1;
  }
}
