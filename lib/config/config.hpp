#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

/// What mtmsgd runs with. The options' names, defaults and bounds are rows of one table (options.hpp); a Config comes
/// from loader.hpp, so the members here have no defaults of their own.
namespace mtmsg::config {

enum class QueueType { quorum, classic };
enum class AuthMode { jwt, none };
enum class LogLevel { debug, info, warning, error };
enum class LogFormat { automatic, human, logfmt, journal };

/// A number of bytes.
struct Bytes {
  std::size_t value = 0;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

/// File permissions, such as 0660.
struct FileMode {
  unsigned value = 0;
  friend bool operator==(const FileMode&, const FileMode&) = default;
};

struct Http {
  std::string listen;  ///< HOST:PORT or [IPV6]:PORT
  bool allow_plaintext = false;
  // PEM files; empty: none
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  Bytes max_body_bytes;
  unsigned max_connections = 0;
  std::string cors_origins;  ///< http/cors.hpp
  unsigned max_connections_per_client = 0;
  unsigned max_streams = 0;
  unsigned max_streams_per_client = 0;
  unsigned max_waiting = 0;
  std::chrono::milliseconds request_timeout{};
};

struct Socket {
  std::string path;
  std::string group;  ///< empty: the daemon's own
  FileMode mode;
};

struct Broker {
  std::string url;  ///< secret; whichever of the ways to give it was used
  std::string url_file;
  // PEM files; empty: none
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string name_space;
  QueueType queue_type = QueueType::quorum;
  unsigned delivery_limit = 0;
  std::chrono::milliseconds heartbeat{};
};

struct Database {
  std::string url;  ///< secret; whichever of the ways to give it was used
  std::string url_file;
  std::string direct_url;  ///< secret; empty: the same as url
  std::string direct_url_file;
  unsigned writers = 0;
  bool auto_migrate = true;
};

struct Tenants {
  unsigned workers = 0;
  unsigned max_workers = 0;
  unsigned batch = 0;
};

struct Limits {
  Bytes max_message_bytes;
  Bytes max_rendered_bytes;
  Bytes memory_bytes;
  // Where a tenant's own limits say nothing; 0: none.
  unsigned max_queue_length = 0;
  Bytes max_stored_bytes;
  unsigned publish_rate = 0;
  unsigned retention_seconds = 0;
  unsigned retention_messages = 0;
  unsigned audit_days = 0;  ///< 0: for ever
};

struct Auth {
  AuthMode mode = AuthMode::jwt;
  std::string keys_dir;  ///< empty: no keys
  std::string issuer;    ///< empty: any
  std::string audience;  ///< empty: any
  std::chrono::milliseconds leeway{};
  unsigned rate_limit = 0;     ///< requests a second for each subject; 0: none
  unsigned failure_limit = 0;  ///< wrong credentials in ten seconds from one address; 0: none
};

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;
};

struct Metrics {
  unsigned tenants = 0;
};

struct Shutdown {
  std::chrono::milliseconds timeout{};
};

struct Config {
  Http http;
  Socket socket;
  Broker broker;
  Database database;
  Tenants tenants;
  Limits limits;
  Auth auth;
  Log log;
  Metrics metrics;
  Shutdown shutdown;
};

}  // namespace mtmsg::config
