// How a normal client fares beside those who mean no good: idle connections, requests that trickle, streams that nobody
// reads. First alone, then with the attackers on many addresses, then with all of them on one address, which the
// default limits stop. The attackers wait on this machine's loopback addresses 127.0.1.x.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "bench/figures.hpp"
#include "support/http_answer.hpp"
#include "support/world.hpp"
#include "tests/integration/http_client.hpp"

namespace mtmsg::bench {
namespace {

using namespace std::chrono_literals;

struct Options {
  unsigned idle = 2000;
  unsigned slow = 500;
  unsigned readers = 40;
  unsigned addresses = 16;
  unsigned messages = 20'000;
  double seconds = 10;
};

constexpr std::uint32_t kFirstAddress = (127U << 24U) + (1U << 8U) + 1;

std::size_t threads_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("Threads:")) return std::strtoul(line.c_str() + 8, nullptr, 10);
  return 0;
}

/// Holds connections and does with them what their kind does, until it is destroyed.
class Attackers {
 public:
  Attackers(std::uint16_t port, const Options& options, unsigned addresses)
      : port_(port), addresses_(addresses), thread_([this, options] { run(options); }) {}
  ~Attackers() {
    stop_ = true;
    thread_.join();
  }
  Attackers(const Attackers&) = delete;
  Attackers& operator=(const Attackers&) = delete;

  void wait_until_there() const {
    if (!test::eventually([&] { return there_.load(); })) throw std::runtime_error("the attackers did not connect");
  }
  std::size_t open() const { return open_; }
  std::size_t reopened() const { return reopened_; }

 private:
  enum class Kind { idle, slow_head, slow_body, reader };
  struct Held {
    Kind kind;
    test::RawClient client;
  };

  Held connect(Kind kind) {
    auto client = test::RawClient::tcp(port_, kFirstAddress + next_++ % addresses_);
    if (kind == Kind::slow_head) client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ");
    if (kind == Kind::slow_body)
      client.send("POST /tenants/acme/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{");
    if (kind == Kind::reader)
      client.send("GET /tenants/acme/messages HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n");
    return {kind, std::move(client)};
  }

  /// False when the server has ended it. A reader does not look, and a reset tells nobody.
  static bool alive(Held& held) {
    if (!held.client.connected()) return false;
    pollfd descriptor{held.client.fd(), held.kind == Kind::reader ? short{0} : short{POLLIN}, 0};
    return ::poll(&descriptor, 1, 0) == 0;
  }

  void run(const Options& options) {
    std::vector<Held> held;
    for (unsigned n = 0; n < options.idle; ++n) held.push_back(connect(Kind::idle));
    for (unsigned n = 0; n < options.slow; ++n) held.push_back(connect(n % 2 == 0 ? Kind::slow_head : Kind::slow_body));
    for (unsigned n = 0; n < options.readers; ++n) held.push_back(connect(Kind::reader));
    there_ = true;
    while (!stop_) {
      std::size_t alive_now = 0;
      for (auto& each : held) {
        if (stop_) return;
        if (alive(each)) {
          ++alive_now;
          if (each.kind == Kind::slow_head || each.kind == Kind::slow_body) each.client.send("x");
          continue;
        }
        ++reopened_;
        each = connect(each.kind);
      }
      open_ = alive_now;
      for (int pause = 0; pause < 20 && !stop_; ++pause) std::this_thread::sleep_for(50ms);  // the trickle's pace
    }
  }

  const std::uint16_t port_;
  const unsigned addresses_;
  unsigned next_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> there_ = false;
  std::atomic<std::size_t> open_ = 0;
  std::atomic<std::size_t> reopened_ = 0;
  std::thread thread_;
};

struct Figures {
  std::vector<double> latencies_ms;
  std::size_t failures = 0;
};

/// One request after the other: every tenth over a new connection, as if somebody had just come.
Figures measure(std::uint16_t port, double seconds) {
  Figures figures;
  const auto begin = Clock::now();
  auto client = test::RawClient::tcp(port);
  for (unsigned n = 0; seconds_since(begin) < seconds; ++n) {
    const auto asked = Clock::now();
    if (n % 10 == 0) client = test::RawClient::tcp(port);
    client.forget();
    client.send("GET /tenants/acme/messages?limit=10 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    test::HttpAnswer answer;
    do answer = test::parse_answer(client.read_until("\"has_more\"", 5s));
    while (!answer.complete && !client.ended() && seconds_since(asked) < 5);
    if (answer.status == 200)
      figures.latencies_ms.push_back(milliseconds(Clock::now() - asked));
    else
      ++figures.failures, client = test::RawClient::tcp(port);
  }
  return figures;
}

void print(const char* name, test::World& world, const Figures& figures, double seconds, const Attackers* attackers) {
  std::printf("| %-34s | %8.0f | %7.2f | %7.2f | %7.2f | %8zu | %9zu | %8zu | %7zu | %7.1f |\n", name,
              static_cast<double>(figures.latencies_ms.size()) / seconds, quantile(figures.latencies_ms, 0.5),
              quantile(figures.latencies_ms, 0.99), quantile(figures.latencies_ms, 1), figures.failures,
              attackers ? attackers->open() : 0, attackers ? attackers->reopened() : 0,
              threads_of(world.daemon().pid()), mib(world.daemon().memory_bytes()));
  std::fflush(stdout);
}

void fill(test::World& world, TenantId tenant, unsigned messages) {
  std::string lines;
  const std::string payload(1000, 'x');
  for (unsigned n = 0; n < messages; ++n) lines += test::foreign_line(tenant, "{\"n\":\"" + payload + "\"}");
  test::foreign_publish(lines);
  if (!test::eventually([&] { return world.stored() == messages; }, 120s)) throw std::runtime_error(world.picture());
}

/// The streams are made until nobody's buffers take more of them; what is measured is what comes after.
void wait_until_stalled(const test::Process& daemon) {
  for (int n = 0; n < 30; ++n) {
    const auto before = daemon.cpu_time();
    std::this_thread::sleep_for(1s);
    if (daemon.cpu_time() - before < 100ms) return;
  }
}

void raise_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run(const Options& options) {
  raise_descriptors();
  test::World world(test::Settings{{"MTMSG_AUTH_MODE", "none"}});
  world.start_daemon();
  const auto tenant = world.create_tenant("acme").id;
  fill(world, tenant, options.messages);
  const auto port = world.port();
  std::printf("%u idle connections, %u slow senders, %u streams that nobody reads; limits at their defaults\n\n",
              options.idle, options.slow, options.readers);
  std::printf("| %-34s | %8s | %7s | %7s | %7s | %8s | %9s | %8s | %7s | %7s |\n", "normal client", "req/s", "p50 ms",
              "p99 ms", "max ms", "failures", "attackers", "reopened", "threads", "RSS MiB");
  std::printf("|---|---|---|---|---|---|---|---|---|---|\n");
  measure(port, 1);
  print("alone", world, measure(port, options.seconds), options.seconds, nullptr);
  for (const unsigned addresses : {options.addresses, 1U}) {
    const Attackers attackers(port, options, addresses);
    attackers.wait_until_there();
    wait_until_stalled(world.daemon());
    const auto name = "attackers on " + std::to_string(addresses) + (addresses == 1 ? " address" : " addresses");
    print(name.c_str(), world, measure(port, options.seconds), options.seconds, &attackers);
  }
  print("alone again", world, measure(port, options.seconds), options.seconds, nullptr);
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  using namespace mtmsg;
  ::signal(SIGPIPE, SIG_IGN);
  bench::Options options;
  CLI::App app{"What idle, slow and lazy clients cost a normal one."};
  app.add_option("--idle", options.idle, "idle connections")->capture_default_str();
  app.add_option("--slow", options.slow, "requests that trickle")->capture_default_str();
  app.add_option("--readers", options.readers, "streams that nobody reads")->capture_default_str();
  app.add_option("--addresses", options.addresses, "the attackers come from")->capture_default_str();
  app.add_option("--messages", options.messages, "stored, for the streams")->capture_default_str();
  app.add_option("--seconds", options.seconds, "of each phase")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    bench::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
