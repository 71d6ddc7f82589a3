// Mutated requests against a running daemon, over several connections at a time, whole and cut into pieces: every byte
// that comes back belongs to a well-formed answer with a status the API has, none of them is a 500, and the daemon goes
// on answering. What brought something else is left in files.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>

#include "fuzz/mutator.hpp"
#include "support/http_answer.hpp"
#include "support/world.hpp"
#include "tests/integration/http_client.hpp"

namespace mtmsg::fuzz {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kSeeds[] = {
    "GET /tenants/acme HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /tenants HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /tenants/acme/messages?cursor=0&limit=10&since=2026-01-31T12:00:00Z HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /tenants/acme/messages HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n",
    "GET /messages?cursor=018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f:4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /tenants/acme/messages/018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /tenants/acme/dead-letters?reason=invalid_json&limit=5 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /tenants/acme/dead-letters/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /tenants/acme/dead-letters/replay HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    "26\r\n\r\n{\"seqs\":[1],\"dry_run\":true}",
    "POST /tenants HTTP/1.1\r\nHost: localhost\r\nContent-Length: 28\r\n\r\n{\"name\":\"acme\",\"workers\":3  }",
    "PATCH /tenants/acme HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    "36\r\n\r\n{\"limits\":{\"max_message_bytes\":5000}}",
    "PUT /tenants/acme/config/concurrency HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{\"workers\":4}",
    "POST /tenants/acme/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    "35\r\n\r\n{\"id\":\"one\",\"payload\":{\"a\":[1,2,3]}}",
    "POST /tenants/acme/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
    "application/x-ndjson\r\nTransfer-Encoding: "
    "chunked\r\n\r\n16\r\n{\"payload\":1}\n{\"payloa\r\n7\r\nd\":22}\n\r\n0\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /status "
    "HTTP/1.1\r\nHost: "
    "h\r\n\r\n",
    "GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /orphans?candidate=018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /migrations HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /tenants/acme/pause HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    "POST /tenants/acme/resume HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nAuthorization: Bearer "
    "a.b.c\r\n\r\n",
};
constexpr std::string_view kWords[] = {"\r\n",
                                       "\n",
                                       "\r\n\r\n",
                                       "Host: localhost\r\n",
                                       "Content-Length: 5\r\n",
                                       "Content-Length: 99999999\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Connection: close\r\n",
                                       "Expect: 100-continue\r\n",
                                       "Accept: application/x-ndjson\r\n",
                                       "Content-Type: application/json\r\n",
                                       "Idempotency-Key: a\r\n",
                                       "If-Match: \"1\"\r\n",
                                       "Accept-Encoding: gzip\r\n",
                                       "Origin: http://x\r\n",
                                       "X-Request-Id: a\r\n",
                                       "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
                                       "GET ",
                                       "POST ",
                                       "PATCH ",
                                       "DELETE ",
                                       "OPTIONS ",
                                       "HEAD ",
                                       " HTTP/1.1",
                                       " HTTP/1.0",
                                       "/tenants/",
                                       "/messages",
                                       "/dead-letters",
                                       "/audit",
                                       "/openapi.json",
                                       "/docs",
                                       "/status",
                                       "/explain",
                                       "?",
                                       "&",
                                       "=",
                                       "%00",
                                       "%ff",
                                       "%2f",
                                       "%",
                                       "cursor=",
                                       "limit=",
                                       "since=",
                                       "until=",
                                       "wait=1",
                                       "0",
                                       "-1",
                                       "1e400",
                                       "9223372036854775807",
                                       "99999999999999999999",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       "\"",
                                       ":",
                                       ",",
                                       "null",
                                       "true",
                                       "\\u0000",
                                       "\\ud800",
                                       "\"id\":",
                                       "\"payload\":",
                                       "\"name\":",
                                       "\"workers\":",
                                       "\"limits\":",
                                       "\"seqs\":",
                                       "\xc0\xaf",
                                       "\xed\xa0\x80",
                                       "\xef\xbb\xbf",
                                       "[[[[[[[[[[[[[[[[",
                                       "1\r\nx\r\n",
                                       "0\r\n\r\n",
                                       ";x=y"};

/// Everything the API may answer; a 500 is never right.
const std::set<int> kAllowed{100, 200, 201, 202, 204, 207, 301, 302, 304, 308, 400, 401, 403, 404, 405, 406, 408, 409,
                             410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 428, 429, 431, 501, 503, 504, 505};

/// Only `acme` exists, and stays: a mutation must not name what ends the others' work for good.
bool is_destructive(std::string_view bytes) {
  return bytes.find("DELETE /tenants/acme ") != std::string_view::npos ||
         bytes.find("DELETE /tenants/acme?") != std::string_view::npos ||
         (bytes.find("POST /migrations") != std::string_view::npos);
}

struct Tally {
  std::mutex mutex;
  std::map<int, std::size_t> statuses;
  std::atomic<std::size_t> requests{0};
  std::atomic<std::size_t> findings{0};
  std::atomic<std::size_t> unanswered{0};  // connections that ended without a byte
};

void report(Tally& tally, const std::string& what, const std::string& sent, const std::string& got) {
  const auto number = ++tally.findings;
  if (number > 20) return;
  const auto file = "fuzz_requests.failed." + std::to_string(number);
  std::ofstream(file, std::ios::binary) << sent;
  std::ofstream(file + ".answer", std::ios::binary) << got;
  std::fprintf(stderr, "%s: the input is in %s\n", what.c_str(), file.c_str());
}

/// The answer to HEAD has no body, whatever it says of its length: where it may be one, only heads are looked at.
bool may_be_head(std::string_view sent) {
  return sent.find("HEAD") != std::string_view::npos;
}

void check_answers(Tally& tally, const std::string& sent, const std::string& got, bool ended) {
  if (got.empty()) {
    ++tally.unanswered;
    return;
  }
  std::string_view rest = got;
  while (!rest.empty()) {
    const auto answer = test::parse_answer(rest);
    if (!answer.well_formed) return report(tally, "no well-formed answer", sent, got);
    if (answer.status == 0) break;
    {
      const std::lock_guard lock(tally.mutex);
      ++tally.statuses[answer.status];
    }
    if (!kAllowed.contains(answer.status)) return report(tally, "status " + std::to_string(answer.status), sent, got);
    if (may_be_head(sent)) return;
    if (answer.status >= 400 && answer.complete &&
        (answer.content_type != "application/problem+json" || answer.code().empty()))
      return report(tally, "an error that is no problem with a code", sent, got);
    if (!answer.complete) break;
    rest.remove_prefix(answer.bytes);
  }
  if (!rest.empty() && ended) report(tally, "the connection ended in the middle of an answer", sent, got);
}

class Attacker {
 public:
  Attacker(std::uint16_t port, std::uint32_t source, std::uint64_t seed, Tally& tally)
      : port_(port), source_(source), mutator_(seed, kSeeds, kWords), tally_(tally) {}

  void run(Clock::time_point until) {
    while (Clock::now() < until && tally_.findings < 20) one();
  }

 private:
  void one() {
    const auto bytes = mutator_.next();
    if (is_destructive(bytes)) return;
    auto client = test::RawClient::tcp(port_, source_);
    if (!client.connected()) return;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const auto size = mutator_.below(2) == 0 ? rest.size() : mutator_.below(rest.size()) + 1;
      if (!client.send(rest.substr(0, size))) break;
      rest.remove_prefix(size);
    }
    ++tally_.requests;
    // A request that is not whole is not answered: then nothing more is to come.
    client.finish();
    const auto got = client.read_until("", 3s);
    check_answers(tally_, bytes, got, client.ended());
  }

  const std::uint16_t port_;
  const std::uint32_t source_;
  Mutator mutator_;
  Tally& tally_;
};

/// Tenants that mutations made go again, with their queues: the servers are not ours alone.
void remove_strangers(test::World& world, std::size_t most) {
  const auto tenants = world.client().tenants();
  if (!tenants || tenants->size() <= most + 1) return;
  for (const auto& tenant : *tenants) {
    world.adopt(tenant.id);
    if (tenant.name != "acme") (void)world.client().delete_tenant(tenant.id.to_string());
  }
}

bool healthy(std::uint16_t port) {
  auto client = test::RawClient::tcp(port);
  client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return client.read_until("", 10s).starts_with("HTTP/1.1 200");
}

int run(double seconds, std::uint64_t seed, unsigned attackers) {
  test::World world({{"MTMSG_AUTH_MODE", "none"}, {"MTMSG_HTTP_REQUEST_TIMEOUT", "2s"}});
  world.start_daemon();
  world.create_tenant("acme");
  const auto port = world.port();
  const auto memory_before = world.daemon().memory_bytes();
  Tally tally;
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < attackers; ++number)
    threads.emplace_back(
        [&, number] { Attacker(port, (127U << 24U) + 2 + number, seed * 1000 + number, tally).run(until); });
  while (Clock::now() < until && tally.findings == 0) {
    std::this_thread::sleep_for(100ms);
    remove_strangers(world, 20);
    if (!world.daemon().running())
      report(tally, "the daemon ended", {}, world.log());
    else if (!healthy(port))
      report(tally, "/healthz does not answer", {}, {});
  }
  for (auto& thread : threads) thread.join();
  if (world.daemon().running()) remove_strangers(world, 0);
  const auto memory_after = world.daemon().running() ? world.daemon().memory_bytes() : 0;
  if (world.daemon().running() && world.stop_daemon() != 0)
    report(tally, "the daemon did not end well", {}, world.log());
  std::printf(
      "fuzz_requests: %zu inputs in %.0f s from %u addresses, seed %llu, %zu connections ended unanswered; VmRSS %zu → "
      "%zu MiB\n",
      tally.requests.load(), seconds, attackers, static_cast<unsigned long long>(seed), tally.unanswered.load(),
      memory_before >> 20U, memory_after >> 20U);
  for (const auto& [status, count] : tally.statuses) std::printf("  %d: %zu\n", status, count);
  std::printf("%zu findings\n", tally.findings.load());
  return tally.findings == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mtmsg::fuzz

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  double seconds = 10;
  std::uint64_t seed = 1;
  unsigned attackers = 8;
  for (int at = 1; at + 1 < argc; at += 2) {
    const std::string_view word = argv[at];
    if (word == "--seconds") seconds = std::strtod(argv[at + 1], nullptr);
    if (word == "--seed") seed = std::strtoull(argv[at + 1], nullptr, 10);
    if (word == "--attackers") attackers = static_cast<unsigned>(std::strtoul(argv[at + 1], nullptr, 10));
  }
  try {
    return mtmsg::fuzz::run(seconds, seed, attackers);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
