// Export of a million messages with `mtmsgctl message dump`, beside `psql \copy` of the same rows in the same run.

#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/figures.hpp"
#include "support/world.hpp"

namespace mtmsg::bench {
namespace {

struct Options {
  std::size_t messages = 1'000'000;
  std::size_t bytes = 200;
  unsigned rounds = 3;
};

/// As a writer leaves them: rows and counter in one transaction.
void store(const test::World& world, TenantId tenant, std::size_t count, std::size_t bytes) {
  const auto n = std::to_string(count);
  world.sql("with moved as (update tenant_counters set last_seq = last_seq + " + n +
            ", last_created_at = clock_timestamp() where tenant_id = '" + tenant.to_string() +
            "' returning tenant_id, last_seq - " + n +
            " as before), added as (insert into messages (tenant_id, seq, id, payload, headers, published_at, "
            "created_at) select tenant_id, before + n, gen_random_uuid(), jsonb_build_object('n', before + n, 'text', "
            "left(repeat(md5(n::text), " +
            std::to_string(bytes / 32 + 1) + "), " + std::to_string(bytes > 30 ? bytes - 30 : 1) +
            ")), '{}', clock_timestamp(), clock_timestamp() from moved, generate_series(1, " + n +
            ") n returning 1) select count(*) from added");
}

struct Measured {
  double seconds = 0;
  std::size_t peak = 0;
  std::uintmax_t bytes = 0;
};

Measured measure(const std::vector<std::string>& command, const std::string& output, const std::string& log) {
  Measured measured;
  const auto begin = Clock::now();
  test::Process process(command, {}, log);
  while (process.running()) {
    measured.peak = std::max(measured.peak, process.peak_memory_bytes());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  measured.seconds = seconds_since(begin);
  if (const auto code = process.wait(std::chrono::seconds(1)); code != 0)
    throw std::runtime_error(command.front() + " failed: " + process.output());
  measured.bytes = std::filesystem::file_size(output);
  std::filesystem::remove(output);
  return measured;
}

int run(const Options& options) {
  test::World world;
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  for (std::size_t stored = 0; stored < options.messages;) {
    const auto step = std::min<std::size_t>(100'000, options.messages - stored);
    store(world, tenant, step, options.bytes);
    stored += step;
  }
  const auto out = world.folder() + "/out", log = world.folder() + "/command.log";
  const std::vector<std::string> psql = {"psql",
                                         "-X",
                                         "-q",
                                         "-d",
                                         world.database_url(),
                                         "-c",
                                         "\\copy (select seq, id, tenant_id, payload, headers, published_at, "
                                         "created_at from messages where tenant_id = '" +
                                             tenant.to_string() + "' order by seq) to '" + out + "'"};
  const auto dump = [&](std::vector<std::string> more) {
    std::vector<std::string> command{
        test::mtmsgctl_path(), "--endpoint", world.endpoint(), "message", "dump", "acme", "--output", out};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  };
  const std::vector<std::pair<std::string, std::vector<std::string>>> contestants = {
      {"psql \\copy", psql},
      {"ndjson", dump({})},
      {"csv", dump({"-o", "csv"})},
      {"ndjson, zstd", dump({"--compress", "zstd"})},
  };
  measure(psql, out, log);  // the pages are in memory for everybody then
  std::vector<std::vector<double>> seconds(contestants.size());
  std::vector<Measured> last(contestants.size());
  for (unsigned round = 0; round < options.rounds; ++round)
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      last[i] = measure(contestants[i].second, out, log);
      seconds[i].push_back(last[i].seconds);
    }
  const auto reference = median(seconds[0]);
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    const auto took = median(seconds[i]);
    std::printf("%-14s %8.0f messages/s  ratio %.2f  %7.1f MiB written  peak %5.1f MiB\n", contestants[i].first.c_str(),
                static_cast<double>(options.messages) / took, reference / took, mib(last[i].bytes), mib(last[i].peak));
  }
  std::printf("daemon: peak %.1f MiB\n", mib(world.daemon().peak_memory_bytes()));
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  mtmsg::bench::Options options;
  CLI::App app("Exports messages with mtmsgctl, and the same rows with psql \\copy");
  app.add_option("--messages", options.messages, "how many")->capture_default_str();
  app.add_option("--bytes", options.bytes, "of each payload")->capture_default_str();
  app.add_option("--rounds", options.rounds, "of each; the median counts")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_export: %s\n", failure.what());
    return 1;
  }
}
