#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"

/// How the daemon is, in the API's JSON. Any thread.
namespace mtmsg::wire {

/// One thing the daemon needs: "database", "broker", "schema" …
struct Part {
  std::string name;
  bool ok = false;
  std::string reason;  ///< why not, and since when; may be empty while ok
  friend bool operator==(const Part&, const Part&) = default;
};

/// {"ready","parts":[{"name","ok","reason"}]}: GET /readyz
struct Readiness {
  bool ready = false;
  std::vector<Part> parts;
  friend bool operator==(const Readiness&, const Readiness&) = default;
};

/// A connection to the broker.
struct Link {
  std::string name;  ///< "delivery", "control", "publish"
  bool connected = false;
  bool blocked = false;    ///< the broker asked for silence (connection.blocked)
  std::string last_error;  ///< empty while connected
  Timestamp since;         ///< of the last change of `connected`
  friend bool operator==(const Link&, const Link&) = default;
};

struct Writers {
  std::uint64_t total = 0;
  std::uint64_t busy = 0;
  bool database_away = false;
  std::string database_error;
  friend bool operator==(const Writers&, const Writers&) = default;
};

/// Counters since the daemon started, but for `unacked` and `in_flight_bytes`, which are of the moment.
struct Pipeline {
  std::uint64_t unacked = 0;
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t stored = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t without_id = 0;
  std::uint64_t acked = 0;
  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

/// One of the daemons on this database, as its heartbeats tell.
struct DaemonInfo {
  std::string id;
  std::string host;
  std::int64_t pid = 0;
  std::string version;
  Timestamp started_at;
  Timestamp beat_at;
  bool silent = false;  ///< it did not beat for a while: frozen, gone, or cut off
  bool self = false;    ///< the one that answers
  friend bool operator==(const DaemonInfo&, const DaemonInfo&) = default;
};

/// GET /status: {"version","uptime_seconds","ready","parts":[…],"links":[…],"writers":{…},"pipeline":{…},"tenants":N,
/// "daemons":[{"id","host","pid","version","started_at","beat_at","state":"alive"|"silent","self"}]|null}
struct Status {
  std::string version;
  std::chrono::seconds uptime{0};
  Readiness readiness;
  std::vector<Link> links;
  Writers writers;
  Pipeline pipeline;
  std::uint64_t tenants = 0;
  std::optional<std::vector<DaemonInfo>> daemons{};  ///< absent (null): the database is away, so nobody knows
  friend bool operator==(const Status&, const Status&) = default;
};

void append_readiness(std::string& out, const Readiness& readiness);
Result<Readiness> read_readiness(std::string_view json);
void append_status(std::string& out, const Status& status);
Result<Status> read_status(std::string_view json);

}  // namespace mtmsg::wire
