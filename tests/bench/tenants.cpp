// What thousands of tenants cost: making one more, deleting one, reading a page of one, beside the same with a few;
// memory and CPU while nobody sends anything; and how long a start takes until all consume, beside the same consumers
// made by plain rabbitmq-c, one call after the other, on the same broker, in the same run. Needs servers of its own on
// this machine, about 200 KB of memory a tenant for RabbitMQ, and four open files a tenant for each server.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <signal.h>

#include "bench/figures.hpp"
#include "broker/control.hpp"
#include "support/backlog.hpp"
#include "support/raw_broker.hpp"
#include "support/servers.hpp"
#include "support/world.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  std::size_t tenants = 5000;
  std::size_t few = 5;
  std::size_t creates = 100;
  std::size_t deletes = 100;
  std::size_t pages = 1000;
  unsigned page_rows = 100;
  unsigned workers = 3;
  unsigned batch = 500;
  unsigned idle_s = 30;
  unsigned starts = 3;
  std::string queue_type = "quorum";
};

std::atomic<bool> interrupted{false};

/// Ctrl-C ends the run where it stands, so that what was made is cleaned up.
void check_interrupted() {
  if (interrupted) throw std::runtime_error("interrupted");
}

void progress(const std::string& line) {
  std::fprintf(stderr, "bench_tenants: %s\n", line.c_str());
}

/// The times of `count` calls, one after the other.
std::vector<double> time_each(std::size_t count, const std::function<void(std::size_t)>& call) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    check_interrupted();
    const auto begin = Clock::now();
    call(i);
    times.push_back(milliseconds(Clock::now() - begin));
  }
  return times;
}

/// What one tenant's calls take with so many present.
struct Calls {
  std::vector<double> creates;
  std::vector<double> deletes;
  std::vector<double> pages;         ///< of the one tenant that has messages
  std::vector<double> pages_around;  ///< each of another tenant
};

struct Idle {
  double daemon = 0;  ///< cores
  double database = 0;
  double broker = 0;
};

/// One world, that grows.
class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        database_(found(test::database_port(), "PostgreSQL")),
        broker_(found(test::broker_port(), "RabbitMQ")),
        world_(test::Settings{{"MTMSG_TENANTS_BATCH", std::to_string(options.batch)},
                              {"MTMSG_BROKER_QUEUE_TYPE", options.queue_type}}),
        control_(connect(), broker::TopologyOptions{world_.name_space()}) {
    control_.start();
    if (!test::eventually([&] { return control_.status().connected; })) throw std::runtime_error("no broker");
  }

  void run() {
    world_.start_daemon();
    grow(options_.few);
    fill_first();
    const auto few = measure_calls();
    std::printf("%zu tenants:\n", tenants_.size());
    print(few);
    const auto little = restart_and_rest();

    const auto begin = Clock::now();
    grow(options_.tenants);
    std::printf("%zu tenants, made in %.0f s:\n", tenants_.size(), seconds_since(begin));
    print(measure_calls());
    measure_starts();
    std::this_thread::sleep_for(std::chrono::seconds(5));
    const auto begun = world_.daemon().memory_bytes();
    const auto idle = rest();
    const auto much = world_.daemon().memory_bytes();
    std::printf("  idle for %u s:        daemon %.4f, PostgreSQL %.4f, RabbitMQ %.2f cores\n", options_.idle_s,
                idle.daemon, idle.database, idle.broker);
    world_.stop_daemon();
    wait_for_consumers(0);
    const auto without = rest_without_daemon();
    std::printf("  without the daemon:   PostgreSQL %.4f, RabbitMQ %.2f cores\n", without.database, without.broker);
    const auto target = 64 + static_cast<double>(tenants_.size()) * 20 / 1024;
    std::printf(
        "  daemon's memory:      %.1f MiB after the start, %.1f MiB after the rest; with %zu tenants %.1f MiB: %.1f "
        "KiB "
        "a tenant (target: at most %.0f MiB)\n",
        mib(begun), mib(much), options_.few, mib(little),
        (mib(much) - mib(little)) * 1024 / static_cast<double>(tenants_.size() - options_.few), target);
    std::printf("  RabbitMQ's memory:    %.0f MiB\n", mib(broker_.memory_bytes()));
  }

 private:
  static test::ServerProcess found(std::uint16_t port, const std::string& name) {
    const auto server = test::ServerProcess::listening_on(port);
    if (!server)
      throw std::runtime_error(name + " is not on this machine, or another user's: its CPU can't be measured");
    return *server;
  }
  static broker::ConnectOptions connect() {
    broker::ConnectOptions options;
    options.url = test::broker_url();
    return options;
  }

  void grow(std::size_t wanted) {
    const auto begin = Clock::now();
    std::size_t told = 0;
    const auto more = world_.create_tenants(
        "bench-" + std::to_string(wanted), wanted - tenants_.size(), options_.workers, [&](std::size_t done) {
          check_interrupted();
          if (done < told + 250) return;
          told = done;
          progress(std::to_string(done) + " tenants made, " +
                   std::to_string(static_cast<int>(done / seconds_since(begin))) + " a second");
        });
    tenants_.insert(tenants_.end(), more.begin(), more.end());
  }

  /// The first tenant gets the messages whose pages are read.
  void fill_first() {
    const std::size_t messages = 10 * options_.page_rows;
    test::publish_backlog({tenants_.front()}, messages, [](std::size_t n) { return test::json_of(n, 200); });
    const auto there = [&] { return world_.number("select max(last_seq) from tenant_counters"); };
    if (!test::eventually([&] { return there() == static_cast<std::int64_t>(messages); })) {
      throw std::runtime_error("the messages did not come");
    }
  }

  Calls measure_calls() {
    Calls calls;
    auto& client = world_.client();
    const auto with = std::to_string(tenants_.size());
    std::vector<std::string> made;
    calls.creates = time_each(options_.creates, [&](std::size_t i) {
      made.push_back(
          world_.create_tenant("one-more-" + with + "-" + std::to_string(i), options_.workers).id.to_string());
    });
    const auto page = [&](TenantId tenant, std::size_t rows) {
      const auto read = client.messages(tenant.to_string(), {"0", options_.page_rows, {}, {}});
      if (read.has_error()) throw std::runtime_error("a page: " + read.error().error.message);
      if (read->page.rows.size() != rows) throw std::runtime_error("a page has another number of rows");
    };
    calls.pages = time_each(options_.pages, [&](std::size_t) { page(tenants_.front(), options_.page_rows); });
    calls.pages_around =
        time_each(options_.pages, [&](std::size_t i) { page(tenants_[1 + i % (tenants_.size() - 1)], 0); });
    calls.deletes = time_each(std::min(options_.deletes, made.size()), [&](std::size_t i) {
      const auto deleted = client.delete_tenant(made[i]);
      if (deleted.has_error()) throw std::runtime_error("tenant delete: " + deleted.error().error.message);
      if (*deleted != client::Deletion::done) throw std::runtime_error("a delete goes on behind the answer");
    });
    return calls;
  }

  static void print(const Calls& calls) {
    print("create one more:", calls.creates);
    print("delete one:", calls.deletes);
    print("page of one tenant:", calls.pages);
    print("pages all around:", calls.pages_around);
  }
  static void print(const char* name, const std::vector<double>& times) {
    std::printf("  %-21s p50 %7.2f ms, p99 %7.2f ms, max %7.2f ms of %zu\n", name, quantile(times, 0.5),
                quantile(times, 0.99), quantile(times, 1), times.size());
    std::fflush(stdout);
  }

  /// The daemon's memory when it has just begun with the tenants that are there.
  std::size_t restart_and_rest() {
    world_.stop_daemon();
    world_.start_daemon();
    wait_for_consumers(1);
    std::this_thread::sleep_for(std::chrono::seconds(5));
    return world_.daemon().memory_bytes();
  }

  /// Until every tenant's queue has that many consumers, as the broker says. Asks one queue after the other, and again
  /// only where there is something to wait for, so that the asking is little work.
  void wait_for_consumers(std::uint32_t consumers) {
    const auto deadline = Clock::now() + std::chrono::minutes(5);
    for (const auto tenant : tenants_) {
      for (;;) {
        check_interrupted();
        const auto depth = control_.depth(tenant);
        if (depth.has_value() && depth->consumers == consumers) break;
        if (Clock::now() > deadline) throw std::runtime_error("a queue does not get its consumer:\n" + world_.log());
        test::short_pause();
      }
    }
  }

  double raw_start() {
    std::vector<std::string> queues;
    for (const auto tenant : tenants_) queues.push_back(broker::tenant_queue(tenant));
    const auto begin = Clock::now();
    const test::RawConsumers consumers(queues, static_cast<std::uint16_t>(options_.workers * options_.batch));
    return seconds_since(begin);
  }

  /// The last start's daemon goes on.
  void measure_starts() {
    std::vector<double> ratios;
    for (unsigned start = 1; start <= options_.starts; ++start) {
      world_.stop_daemon();
      wait_for_consumers(0);
      const auto raw = raw_start();
      wait_for_consumers(0);
      const auto begin = Clock::now();
      world_.launch_daemon();
      wait_for_consumers(1);
      const auto ours = seconds_since(begin);
      ratios.push_back(ours / raw);
      std::printf(
          "  start %u:              all consume after %.2f s, raw %.2f s, ratio %.2f; %.1f s of the daemon's CPU\n",
          start, ours, raw, ours / raw, static_cast<double>(world_.daemon().cpu_time().count()) / 1000);
      std::fflush(stdout);
    }
    std::printf("  median ratio %.2f (target: at most 3)\n", median(ratios));
  }

  Idle rest() {
    return rest([this] { return world_.daemon().cpu_time(); });
  }
  Idle rest_without_daemon() {
    return rest([] { return std::chrono::milliseconds(0); });
  }
  Idle rest(const std::function<std::chrono::milliseconds()>& daemon) {
    progress("resting for " + std::to_string(options_.idle_s) + " s");
    const auto begin = Clock::now();
    const auto daemon_before = daemon();
    const auto database_before = database_.cpu_time();
    const auto broker_before = broker_.cpu_time();
    while (seconds_since(begin) < options_.idle_s) {
      check_interrupted();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const auto cores = [took = seconds_since(begin)](std::chrono::milliseconds cpu) {
      return static_cast<double>(cpu.count()) / 1000 / took;
    };
    return {cores(daemon() - daemon_before), cores(database_.cpu_time() - database_before),
            cores(broker_.cpu_time() - broker_before)};
  }

  const Options& options_;
  test::ServerProcess database_;
  test::ServerProcess broker_;
  test::World world_;
  broker::Control control_;
  std::vector<TenantId> tenants_;
};

int run(const Options& options) {
  Bench(options).run();
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto interrupt = [](int) { mtmsg::bench::interrupted = true; };
  ::signal(SIGINT, interrupt);
  ::signal(SIGTERM, interrupt);
  mtmsg::bench::Options options;
  CLI::App app("Measures what many tenants cost: creates, deletes, pages, the daemon's start, memory, idle CPU");
  app.footer(
      "Examples:\n"
      "  bench_tenants                                     5,000 tenants: some minutes, 1 GB for RabbitMQ\n"
      "  bench_tenants --tenants 200 --starts 1 --idle 5   a quick look\n"
      "  bench_tenants --queue-type classic                classic queues instead of quorum queues\n"
      "Ctrl-C cleans up, too.");
  app.add_option("--tenants", options.tenants, "how many")->check(CLI::Range(10, 100'000))->capture_default_str();
  app.add_option("--few", options.few, "how many to compare with")->check(CLI::Range(2, 9))->capture_default_str();
  app.add_option("--creates", options.creates, "tenants made one by one")->capture_default_str();
  app.add_option("--deletes", options.deletes, "of them deleted one by one")->capture_default_str();
  app.add_option("--pages", options.pages, "pages read one by one")->capture_default_str();
  app.add_option("--page-rows", options.page_rows, "messages of a page")->capture_default_str();
  app.add_option("--workers", options.workers, "workers of each tenant")->capture_default_str();
  app.add_option("--batch", options.batch, "tenants.batch")->capture_default_str();
  app.add_option("--idle", options.idle_s, "seconds to rest while the CPU is measured")->capture_default_str();
  app.add_option("--starts", options.starts, "starts of the daemon")->capture_default_str();
  app.add_option("--queue-type", options.queue_type, "quorum or classic")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_tenants: %s\n", failure.what());
    return 1;
  }
}
