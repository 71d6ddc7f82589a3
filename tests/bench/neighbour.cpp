// How long a quiet tenant's messages take from just before they are published to when a reader of the table sees them,
// alone and beside a neighbour that floods: its queue is filled before, and kept full by a publisher that goes as fast
// as the broker confirms. The reader asks the table for new rows again and again; how long one round takes it is
// printed with the figures, which are late by up to that much. So are the parts of the way: until the broker confirms,
// and until the transaction has its locks (created_at; the database's clock must be this machine's).

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <pqxx/pqxx>
#include <signal.h>

#include "bench/figures.hpp"
#include "broker/publisher.hpp"
#include "support/backlog.hpp"
#include "support/world.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  double rate = 50;
  double seconds = 30;
  std::size_t backlog = 200'000;
  std::size_t payload_bytes = 200;
  unsigned quiet_workers = 3;
  unsigned workers = 8;
  unsigned batch = 500;
  unsigned writers = 4;
  unsigned poll_us = 1000;
  bool only_drain = false;
  unsigned runs = 3;
};

struct Phase {
  std::vector<double> latencies_ms;
  std::vector<double> begun_ms;     ///< to created_at, which the transaction takes when it has its locks
  std::vector<double> confirms_ms;  ///< the broker's part: a message is delivered no earlier than it is confirmed
  std::vector<double> polls_ms;     ///< from one look at the table to the next
};

/// Publishes at a steady pace, and remembers when.
class Pacer {
 public:
  Pacer(TenantId tenant, const Options& options) : tenant_(tenant), options_(options), publisher_(connect(), {}) {
    publisher_.start();
    if (!test::eventually([&] { return publisher_.status().connected; })) throw std::runtime_error("no broker");
  }

  /// Only before run() and after it.
  std::size_t published() const { return times_.size(); }
  Clock::time_point time(std::size_t number) const { return times_[number]; }

  /// What each took until the broker confirmed it, in milliseconds.
  std::vector<double> run(std::size_t count) {
    std::vector<std::future<Result<void>>> confirms(count);
    std::atomic<std::size_t> sent{0};
    const auto first = times_.size();
    times_.reserve(first + count);  // read while it grows
    auto confirming = std::async(std::launch::async, [&] {
      std::vector<double> took;
      for (std::size_t i = 0; i < count; ++i) {
        sent.wait(i);
        confirms[i].get().value();
        took.push_back(milliseconds(Clock::now() - times_[first + i]));
      }
      return took;
    });
    auto next = Clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      std::this_thread::sleep_until(next);
      next += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
      auto body = test::json_of(times_.size(), options_.payload_bytes);
      auto id = Uuid::v4().to_string();
      times_.push_back(Clock::now());
      confirms[i] = publisher_.publish(tenant_, std::move(id), std::move(body));
      ++sent;
      sent.notify_one();
    }
    return confirming.get();
  }

 private:
  static broker::ConnectOptions connect() {
    broker::ConnectOptions options;
    options.url = test::broker_url();
    return options;
  }

  TenantId tenant_;
  const Options& options_;
  broker::Publisher publisher_;
  std::vector<Clock::time_point> times_;  ///< by the number in the message
};

/// What a reader of one tenant's messages does.
class Reader {
 public:
  struct Seen {
    std::size_t number;
    Clock::time_point when;
    double before_ms;  ///< what had passed since its created_at, by the database's clock
  };

  Reader(const test::World& world, TenantId tenant) : connection_(world.database_url()), tenant_(tenant) {}

  /// What is new since the last time.
  std::vector<Seen> look() {
    pqxx::nontransaction transaction(connection_);
    const auto rows = transaction.exec(
        "select seq, payload->>'n', 1000 * extract(epoch from clock_timestamp() - created_at) from messages "
        "where tenant_id = '" +
        tenant_.to_string() + "' and seq > " + std::to_string(last_) + " order by seq");
    const auto now = Clock::now();
    std::vector<Seen> seen;
    for (const auto& row : rows) {
      last_ = std::stoll(row[0].c_str());
      seen.push_back({std::stoull(row[1].c_str()), now, std::stod(row[2].c_str())});
    }
    return seen;
  }

 private:
  pqxx::connection connection_;
  TenantId tenant_;
  std::int64_t last_ = 0;
};

/// Keeps a tenant's queue full, on a thread of its own, until it is told to stop.
class Flood {
 public:
  Flood(const test::World& world, TenantId tenant, const Options& options)
      : connection_(world.database_url()), tenant_(tenant), options_(options) {
    publisher_.publish({tenant_}, options_.backlog, body());
    published_ = options_.backlog;
  }
  ~Flood() {
    stopping_ = true;
    if (publishing_.valid()) publishing_.wait();
  }

  void start() {
    publishing_ = std::async(std::launch::async, [this] {
      while (!stopping_) go_on();
    });
  }
  /// Throws what went wrong.
  void stop() {
    stopping_ = true;
    publishing_.get();
  }

  /// After stop().
  std::size_t smallest_backlog() const { return smallest_; }

 private:
  std::function<std::string(std::size_t)> body() const {
    return [this](std::size_t n) { return test::json_of(n, options_.payload_bytes); };
  }

  void go_on() {
    constexpr std::size_t kAtOnce = 2000;
    const auto backlog = published_ - std::min(published_, stored());
    smallest_ = std::min(smallest_, backlog);
    if (options_.only_drain || backlog >= options_.backlog)
      return std::this_thread::sleep_for(std::chrono::milliseconds(50));
    publisher_.publish({tenant_}, kAtOnce, body());
    published_ += kAtOnce;
  }

  std::size_t stored() {
    pqxx::nontransaction transaction(connection_);
    const auto rows =
        transaction.exec("select last_seq from tenant_counters where tenant_id = '" + tenant_.to_string() + "'");
    return std::stoull(rows[0][0].c_str());
  }

  pqxx::connection connection_;
  TenantId tenant_;
  const Options& options_;
  test::BulkPublisher publisher_;
  std::size_t published_ = 0;
  std::size_t smallest_ = std::numeric_limits<std::size_t>::max();
  std::atomic<bool> stopping_{false};
  std::future<void> publishing_;  ///< last: its thread uses everything above
};

/// What a reader sees of `count` messages, from publishing them to the last one; the first second's do not count.
Phase measure(Pacer& pacer, Reader& reader, const Options& options) {
  const auto first = pacer.published();
  const auto warm_up = static_cast<std::size_t>(options.rate);
  const auto count = warm_up + static_cast<std::size_t>(options.rate * options.seconds);
  auto publishing = std::async(std::launch::async, [&] { return pacer.run(count); });
  Phase phase;
  std::vector<Reader::Seen> seen;
  auto last_look = Clock::now();
  const auto deadline = last_look + std::chrono::seconds(60) +
                        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  while (seen.size() < count) {
    std::this_thread::sleep_for(std::chrono::microseconds(options.poll_us));
    for (const auto& message : reader.look()) seen.push_back(message);
    const auto now = Clock::now();
    phase.polls_ms.push_back(milliseconds(now - last_look));
    last_look = now;
    if (now > deadline) throw std::runtime_error("the quiet tenant's messages did not all come");
  }
  phase.confirms_ms = publishing.get();
  for (const auto& message : seen) {
    if (message.number < first + warm_up) continue;
    const auto latency = milliseconds(message.when - pacer.time(message.number));
    phase.latencies_ms.push_back(latency);
    phase.begun_ms.push_back(latency - message.before_ms);
  }
  return phase;
}

void print(const char* name, const std::vector<double>& times) {
  std::printf("  %-30s p50 %7.2f ms, p99 %7.2f ms, max %7.2f ms of %zu\n", name, quantile(times, 0.5),
              quantile(times, 0.99), quantile(times, 1), times.size());
  std::fflush(stdout);
}

void print(const char* name, const Phase& phase) {
  std::printf(" %s\n", name);
  print("publish to visible:", phase.latencies_ms);
  print("publish to broker's confirm:", phase.confirms_ms);
  print("publish to created_at:", phase.begun_ms);
  print("from one look to the next:", phase.polls_ms);
}

struct Quantiles {
  std::vector<double> alone;
  std::vector<double> flooded;
};

void measure_both(const Options& options, Quantiles& p99) {
  test::World world(test::Settings{{"MTMSG_DATABASE_WRITERS", std::to_string(options.writers)},
                                   {"MTMSG_TENANTS_BATCH", std::to_string(options.batch)}});
  world.start_daemon();
  const auto quiet = world.create_tenant("quiet", options.quiet_workers).id;
  const auto flooding = world.create_tenant("flooding", options.workers).id;
  Pacer pacer(quiet, options);
  Reader reader(world, quiet);
  const auto alone = measure(pacer, reader, options);
  print("alone", alone);
  p99.alone.push_back(quantile(alone.latencies_ms, 0.99));

  world.stop_daemon();
  Flood flood(world, flooding, options);
  world.start_daemon();
  flood.start();
  const auto stored = [&] { return world.client().tenant(flooding.to_string()).value().messages; };
  const auto stored_before = stored();
  const auto begin = Clock::now();
  const auto flooded = measure(pacer, reader, options);
  const auto rate = static_cast<double>(stored() - stored_before) / seconds_since(begin);
  flood.stop();
  print("with a flood", flooded);
  std::printf("  the flood: %.0f messages/s stored, never fewer than %zu waiting\n", rate, flood.smallest_backlog());
  p99.flooded.push_back(quantile(flooded.latencies_ms, 0.99));
}

int run(const Options& options) {
  Quantiles p99;
  for (unsigned run = 1; run <= options.runs; ++run) {
    std::printf("run %u: %.0f messages/s\n", run, options.rate);
    measure_both(options, p99);
  }
  const auto alone = median(p99.alone);
  const auto flooded = median(p99.flooded);
  std::printf("median p99 %.2f ms alone, %.2f ms with a flood: %.1f times (target: at most 3 times, or 50 ms)\n", alone,
              flooded, flooded / alone);
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  mtmsg::bench::Options options;
  CLI::App app("Measures a quiet tenant's store latency without and with a neighbour that floods");
  app.footer(
      "Examples:\n"
      "  bench_neighbour                          50 messages/s, half a minute alone and half a minute flooded\n"
      "  bench_neighbour --rate 5 --seconds 120   a quieter one, for longer\n"
      "  bench_neighbour --only-drain --seconds 5 --backlog 500000   the flood is a backlog only\n"
      "  bench_neighbour --workers 64             the flood has as many workers as a tenant may have");
  app.add_option("--rate", options.rate, "messages a second of the quiet tenant")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "of each of the two measurements")->capture_default_str();
  app.add_option("--backlog", options.backlog, "messages of the flood that wait at the broker")->capture_default_str();
  app.add_option("--bytes", options.payload_bytes, "size of a payload")->capture_default_str();
  app.add_option("--quiet-workers", options.quiet_workers, "workers of the quiet tenant")->capture_default_str();
  app.add_option("--workers", options.workers, "workers of the flooding tenant")->capture_default_str();
  app.add_option("--batch", options.batch, "tenants.batch")->capture_default_str();
  app.add_option("--writers", options.writers, "database.writers")->capture_default_str();
  app.add_option("--poll", options.poll_us, "microseconds the reader rests between two looks")->capture_default_str();
  app.add_flag("--only-drain", options.only_drain,
               "do not fill the flood's queue up again: nobody publishes but the quiet");
  app.add_option("--runs", options.runs, "runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_neighbour: %s\n", failure.what());
    return 1;
  }
}
