// How fast the daemon drains a backlog, beside the raw COPY rate of the same rows into the same kind of table with the
// same indexes, on the same server, in the same run. Prints one line a run and the medians.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <libpq-fe.h>
#include <signal.h>

#include "bench/figures.hpp"
#include "support/backlog.hpp"
#include "support/world.hpp"
#include "tests/integration/tls_servers.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  std::size_t messages = 200'000;
  unsigned tenants = 1;
  std::size_t payload_bytes = 200;
  unsigned workers = 8;
  unsigned batch = 500;
  unsigned writers = 2;
  unsigned runs = 3;
  std::string queue_type = "quorum";
  bool amqps = false;
};

class Postgres {
 public:
  explicit Postgres(const std::string& url) : connection_(PQconnectdb(url.c_str()), &PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }
  void exec(const std::string& sql) { check(PQexec(connection_.get(), sql.c_str())); }
  void copy(const std::string& sql, const std::string& rows) {
    check(PQexec(connection_.get(), sql.c_str()));
    PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size()));
    PQputCopyEnd(connection_.get(), nullptr);
    while (auto* result = PQgetResult(connection_.get())) check(result);
  }

 private:
  void check(PGresult* result) {
    const auto status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_FATAL_ERROR) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// Rows a second of COPY in transactions of 1,000 rows, with random ids, over the tenants in turn.
double raw_copy(const test::World& world, const Options& options, const std::vector<TenantId>& tenants) {
  Postgres postgres(world.database_url());
  postgres.exec("create table raw_copy (like messages including all) partition by list (tenant_id)");
  for (const auto tenant : tenants) {
    const auto id = tenant.to_string();
    auto name = id;
    std::erase(name, '-');
    postgres.exec("create table raw_copy_" + name + " partition of raw_copy for values in ('" + id + "')");
  }
  // The text is made beforehand: only the server's work and the way there are measured.
  std::vector<std::string> transactions;
  for (std::size_t row = 0; row < options.messages;) {
    std::string text;
    for (std::size_t end = std::min(row + 1000, options.messages); row < end; ++row) {
      text += tenants[row / 1000 % tenants.size()].to_string() + "\t" + std::to_string(row + 1) + "\t" +
              Uuid::v4().to_string() + "\t" + test::json_of(row, options.payload_bytes) +
              "\t{\"amqp\": {\"content_type\": \"application/json\"}}\t2026-01-01 00:00:00+00\n";
    }
    transactions.push_back(std::move(text));
  }
  const auto begin = Clock::now();
  for (const auto& rows : transactions) {
    postgres.exec("begin");
    postgres.copy("copy raw_copy (tenant_id, seq, id, payload, headers, created_at) from stdin", rows);
    postgres.exec("commit");
  }
  const auto rate = static_cast<double>(options.messages) / seconds_since(begin);
  postgres.exec("drop table raw_copy");
  return rate;
}

struct Figures {
  double rate = 0;
  double cpu_us = 0;
  double peak_mib = 0;
};

/// From the daemon's first transaction to its last, by the database's clock.
Figures drain(test::World& world, const Options& options) {
  world.start_daemon();
  const auto wanted = static_cast<std::int64_t>(options.messages);
  const auto done = [&] { return world.number("select sum(last_seq) from tenant_counters") >= wanted; };
  if (!test::eventually(done, std::chrono::minutes(10))) throw std::runtime_error("not drained:\n" + world.log());
  const auto cpu = world.daemon().cpu_time();
  const auto seconds =
      std::stod(world.sql("select extract(epoch from max(created_at) - min(created_at)) from messages"));
  Figures figures;
  figures.rate = static_cast<double>(options.messages) / seconds;
  figures.cpu_us = static_cast<double>(cpu.count()) * 1000.0 / static_cast<double>(options.messages);
  figures.peak_mib = mib(world.daemon().peak_memory_bytes());
  if (const auto wrong = world.gaps_and_doubles(); !wrong.empty()) throw std::runtime_error(wrong);
  world.stop_daemon();
  return figures;
}

int run(const Options& options) {
  std::vector<double> ratios;
  for (unsigned run = 1; run <= options.runs; ++run) {
    test::World world(test::Settings{{"MTMSG_DATABASE_WRITERS", std::to_string(options.writers)},
                                     {"MTMSG_TENANTS_BATCH", std::to_string(options.batch)},
                                     {"MTMSG_BROKER_QUEUE_TYPE", options.queue_type}});
    if (options.amqps) {
      world.set("MTMSG_BROKER_URL", test::tls_broker_url());
      world.set("MTMSG_BROKER_TLS_CA", test::ca_file());
    }
    world.start_daemon();
    std::vector<TenantId> tenants;
    for (unsigned i = 0; i < options.tenants; ++i) {
      tenants.push_back(world.create_tenant("bench-" + std::to_string(i), options.workers).id);
    }
    world.stop_daemon();
    test::publish_backlog(tenants, options.messages,
                          [&](std::size_t n) { return test::json_of(n, options.payload_bytes); });
    const auto before = raw_copy(world, options, tenants);
    const auto ours = drain(world, options);
    const auto after = raw_copy(world, options, tenants);
    const auto raw = (before + after) / 2;
    ratios.push_back(ours.rate / raw);
    std::printf(
        "run %u: %zu messages of %zu B, %u tenant(s): drain %.0f/s, raw COPY %.0f/s, ratio %.2f, "
        "daemon %.1f us CPU a message, %.0f MiB at most\n",
        run, options.messages, options.payload_bytes, options.tenants, ours.rate, raw, ours.rate / raw, ours.cpu_us,
        ours.peak_mib);
    std::fflush(stdout);
  }
  std::printf("median ratio %.2f\n", median(ratios));
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  mtmsg::bench::Options options;
  CLI::App app("Drains a backlog and compares with the raw COPY rate of the same run");
  app.add_option("--messages", options.messages, "size of the backlog")->capture_default_str();
  app.add_option("--tenants", options.tenants, "tenants it is spread over")->capture_default_str();
  app.add_option("--bytes", options.payload_bytes, "size of a payload")->capture_default_str();
  app.add_option("--workers", options.workers, "workers of each tenant")->capture_default_str();
  app.add_option("--batch", options.batch, "tenants.batch")->capture_default_str();
  app.add_option("--writers", options.writers, "database.writers")->capture_default_str();
  app.add_option("--queue-type", options.queue_type, "quorum or classic")->capture_default_str();
  app.add_flag("--amqps", options.amqps, "TLS between the daemon and RabbitMQ");
  app.add_option("--runs", options.runs, "runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_drain: %s\n", failure.what());
    return 1;
  }
}
