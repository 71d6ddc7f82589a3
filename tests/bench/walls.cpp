// Whether time tells a tenant's token that another tenant exists: it asks in turn for one that is there and for one
// that is not, over one connection.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "auth/key.hpp"
#include "bench/figures.hpp"
#include "support/keys.hpp"
#include "support/permission_matrix.hpp"
#include "support/world.hpp"
#include "tests/integration/http_client.hpp"

namespace mtmsg::bench {
namespace {

double ask(test::RawClient& client, const std::string& target, const std::string& token) {
  const auto request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n\r\n";
  client.forget();
  const auto begin = Clock::now();
  client.send(request);
  const auto answer = client.read_until("\"request_id\"");
  const auto took = milliseconds(Clock::now() - begin);
  if (!answer.starts_with("HTTP/1.1 404")) throw std::runtime_error("not a 404:\n" + answer);
  return took * 1000;
}

void print(const char* name, const std::vector<double>& microseconds) {
  std::printf("| %-8s | %7.0f | %7.0f | %7.0f |\n", name, quantile(microseconds, 0.1), quantile(microseconds, 0.5),
              quantile(microseconds, 0.9));
}

int run(unsigned requests) {
  test::World world;
  const auto keys = world.folder() + "/keys";
  std::filesystem::create_directory(keys);
  test::write_key_file(keys + "/k.HS256.key", std::string(64, 'k'));
  world.set("MTMSG_AUTH_KEYS_DIR", keys);
  world.start_daemon();
  const auto mine = world.create_tenant("mine").id;
  const auto foreign = world.create_tenant("foreign").id;
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto token =
      *test::token_for(test::Caller::tenant, auth::load_key(keys + "/k.HS256.key").value(), mine, foreign, now);
  auto client = test::RawClient::tcp(world.port());
  std::vector<double> there;
  std::vector<double> missing;
  // Names of one length, and each in turn first: what came before must not decide.
  const auto ask_foreign = [&] { there.push_back(ask(client, "/tenants/foreign/messages", token)); };
  const auto ask_missing = [&] { missing.push_back(ask(client, "/tenants/nowhere/messages", token)); };
  for (unsigned n = 0; n < requests; ++n) {
    if (n % 2 == 0) ask_foreign();
    ask_missing();
    if (n % 2 != 0) ask_foreign();
  }
  std::printf("microseconds of a 404, %u requests each\n| tenant   |     p10 |     p50 |     p90 |\n", requests);
  print("foreign", there);
  print("missing", missing);
  std::printf("median of foreign / median of missing: %.2f\n", median(there) / median(missing));
  return 0;
}

}  // namespace
}  // namespace mtmsg::bench

int main(int argc, char** argv) {
  unsigned requests = 5000;
  CLI::App app("Times the 404 of a foreign tenant beside the one of a tenant that does not exist");
  app.add_option("--requests", requests, "requests of each kind")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mtmsg::bench::run(requests);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_walls: %s\n", failure.what());
    return 1;
  }
}
