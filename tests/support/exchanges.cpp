#include "support/exchanges.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

#include <boost/json.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace mtmsg::test {
namespace {

namespace json = boost::json;

// Of one process. Tests that wait ask the same thing again and again.
constexpr int kSameKind = 20;
constexpr int kAll = 3000;
constexpr std::size_t kMaxBody = 256 << 10;

const char* file() {
  static const char* const name = std::getenv("TEST_EXCHANGES");
  return name;
}

/// One write: lines of several processes don't mix.
void append(const json::object& line) {
  if (file() == nullptr) return;
  const int fd = ::open(file(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const auto text = json::serialize(line) + "\n";
  if (::write(fd, text.data(), text.size()) < 0) std::perror(file());
  ::close(fd);
}

/// "GET 200 3 messages": method, status, and the address by its depth and its end.
std::string kind_of(const client::Exchange& exchange) {
  const auto path = exchange.target.substr(0, exchange.target.find('?'));
  return std::string(exchange.method) + ' ' + std::to_string(exchange.status) + ' ' +
         std::to_string(std::count(path.begin(), path.end(), '/')) + ' ' +
         std::string(path.substr(path.rfind('/') + 1)) + ' ' + std::string(exchange.request_type);
}

bool is_enough(const client::Exchange& exchange) {
  static std::mutex mutex;
  static std::map<std::string, int> seen;
  static int all = 0;
  const std::lock_guard lock(mutex);
  return all++ >= kAll || seen[kind_of(exchange)]++ >= kSameKind;
}

/// What of it is written down: all, or whole lines of the beginning.
std::string_view beginning(std::string_view body, bool& whole) {
  if (body.size() > kMaxBody) {
    body = body.substr(0, kMaxBody);
    whole = false;
  }
  return whole ? body : body.substr(0, body.rfind('\n') + 1);
}

/// So that a test that recorded nothing can be told from a recorder that does not work.
const bool kProcessIsRecorded = [] {
  append({{"process", ::getpid()}});
  return true;
}();

}  // namespace

client::Options client_options() {
  client::Options options;
  if (file() != nullptr) options.observer = record_exchange;
  return options;
}

void record_exchange(const client::Exchange& exchange) {
  if (file() == nullptr || is_enough(exchange)) return;
  json::object headers;
  for (const auto& [name, value] : exchange.headers) headers[name] = value;
  bool whole = exchange.whole;
  bool request_whole = true;
  const auto body = beginning(exchange.body, whole);
  const auto request = beginning(exchange.request_body, request_whole);
  append({{"method", exchange.method},
          {"target", exchange.target},
          {"request_type", exchange.request_type},
          {"request_body", request},
          {"request_whole", request_whole},
          {"status", exchange.status},
          {"headers", std::move(headers)},
          {"body", body},
          {"whole", whole}});
}

void record_daemon() {
  append({{"daemon", true}});
}

}  // namespace mtmsg::test
