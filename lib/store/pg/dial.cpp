#include "store/pg/dial.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include "store/pg/errors.hpp"

namespace mtmsg::store::pg {
namespace {

using Clock = std::chrono::steady_clock;

struct Finish {
  void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
using Handle = std::unique_ptr<PGconn, Finish>;

enum class Waited { ready, timeout, ended };

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) items.emplace_back();
  }
  return items;
}

/// libpq's connect_timeout: whole seconds; zero, negative or absent is none.
std::optional<Clock::time_point> deadline_of(const ConnectionSettings& settings) {
  const auto text = settings.option("connect_timeout");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (seconds <= 0) return std::nullopt;
  return Clock::now() + std::chrono::seconds(seconds);
}

Waited wait(int socket, short events, std::optional<Clock::time_point> deadline, const Sessions* sessions) {
  pollfd watched[] = {{socket, events, 0}, {sessions ? sessions->descriptor() : -1, POLLIN, 0}};
  for (;;) {
    int limit = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
      if (left <= 0) return Waited::timeout;
      limit = static_cast<int>(left);
    }
    const int ready = ::poll(watched, 2, limit);
    if (ready > 0) return watched[1].revents != 0 ? Waited::ended : Waited::ready;
  }
}

Handle start(const ConnectionSettings& settings) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : settings.options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  Handle connection(PQconnectStartParams(keys.data(), values.data(), 0));
  if (!connection) throw std::bad_alloc();
  return connection;
}

std::string timed_out(const PGconn* connection) {
  return std::string("connection to server at \"") + PQhost(connection) + "\", port " + PQport(connection) +
         " failed: timeout expired";
}

struct FreeAddresses {
  void operator()(addrinfo* found) const noexcept { ::freeaddrinfo(found); }
};

/// One set of options for each address of the host's name: our time limit ends a try, and with it what libpq would go
/// on to. A name that can't be looked up is libpq's to complain of.
std::vector<ConnectionSettings> split_addresses(const ConnectionSettings& settings) {
  const std::string host(settings.option("host"));
  if (host.empty() || host.front() == '/' || host.front() == '@' || host.find(',') != std::string::npos ||
      !settings.option("hostaddr").empty())
    return {settings};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &raw) != 0) return {settings};
  const std::unique_ptr<addrinfo, FreeAddresses> found(raw);
  std::vector<ConnectionSettings> split;
  for (const auto* each = found.get(); each != nullptr; each = each->ai_next) {
    char address[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, address, sizeof address, nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    split.push_back(settings);
    split.back().options.emplace_back("hostaddr", address);
  }
  return split.size() > 1 ? split : std::vector{settings};
}

/// Of several hosts only one takes writes: the one that did the last time. If any would do, their order is a wish.
std::size_t where_to_begin(const ConnectionSettings& settings) {
  const auto wanted = settings.option("target_session_attrs");
  return wanted == "read-write" || wanted == "primary" ? settings.last_host->load() : 0;
}

std::string joined(const std::vector<std::string>& reasons) {
  std::string all;
  for (const auto& reason : reasons)
    if (!reason.empty()) all += (all.empty() ? "" : "; ") + reason;
  return all;
}

/// Empty handle: `why` says.
Handle dial_one(const ConnectionSettings& settings, std::string& why) {
  const auto deadline = deadline_of(settings);
  auto connection = start(settings);
  if (PQstatus(connection.get()) == CONNECTION_BAD) {
    why = first_line(PQerrorMessage(connection.get()));
    return {};
  }
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(connection.get())) {
    if (state == PGRES_POLLING_FAILED) {
      why = first_line(PQerrorMessage(connection.get()));
      return {};
    }
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    const auto waited = wait(PQsocket(connection.get()), events, deadline, settings.sessions.get());
    if (waited == Waited::ready) continue;
    why = waited == Waited::timeout ? timed_out(connection.get()) : "the daemon ends its sessions";
    return {};
  }
  return connection;
}

}  // namespace

std::vector<ConnectionSettings> split_hosts(const ConnectionSettings& settings) {
  const auto hosts = list_of(settings.option("host"));
  const auto addresses = list_of(settings.option("hostaddr"));
  const auto ports = list_of(settings.option("port"));
  const auto count = std::max(hosts.size(), addresses.size());
  const auto balance = settings.option("load_balance_hosts");
  const bool libpq_chooses =
      settings.option("target_session_attrs") == "prefer-standby" || !(balance.empty() || balance == "disable");
  // Lists that don't fit together are libpq's to complain of.
  const auto fits = [count](const auto& list) { return list.size() <= 1 || list.size() == count; };
  if (count < 2 || libpq_chooses || !fits(ports) || (!addresses.empty() && !hosts.empty() && hosts.size() != count))
    return {settings};
  std::vector<ConnectionSettings> split(count, settings);
  for (std::size_t i = 0; i < count; ++i) {
    for (auto& [key, value] : split[i].options) {
      if (key == "host") value = hosts[i];
      if (key == "hostaddr") value = addresses[i];
      if (key == "port" && ports.size() > 1) value = ports[i];
    }
  }
  return split;
}

PGconn* dial(const ConnectionSettings& settings) {
  const auto hosts = split_hosts(settings);
  const auto first = where_to_begin(settings) % hosts.size();
  std::vector<std::string> reasons(hosts.size());  // in the list's order, wherever we begin
  for (std::size_t nth = 0; nth < hosts.size(); ++nth) {
    const auto index = (first + nth) % hosts.size();
    for (const auto& address : split_addresses(hosts[index])) {
      std::string why;
      if (auto connection = dial_one(address, why)) {
        *settings.last_host = index;
        return connection.release();
      }
      reasons[index] += (reasons[index].empty() ? "" : "; ") + why;
      if (settings.sessions && settings.sessions->ended()) throw SqlFailure("", joined(reasons));
    }
  }
  throw SqlFailure("", joined(reasons));
}

}  // namespace mtmsg::store::pg
