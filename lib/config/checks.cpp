#include "config/checks.hpp"

#include <algorithm>

#include "config/options.hpp"
#include "config/values.hpp"

namespace mtmsg::config {
namespace {

constexpr unsigned kMaxPrefetch = 65'535;

void check_listen(const Config& config, std::vector<Problem>& problems) {
  const auto address = parse_listen(config.http.listen);
  if (!address) {
    problems.push_back({"http.listen", "must be HOST:PORT or [IPV6]:PORT; got \"" + config.http.listen + '"'});
    return;
  }
  if (address->loopback()) return;
  if (config.auth.mode == AuthMode::none) {
    problems.push_back({"auth.mode",
                        "\"none\" makes every caller admin, so http.listen must be a loopback address such as "
                        "127.0.0.1:8080; it is " +
                            config.http.listen});
  }
  if (config.http.tls_cert.empty() && !config.http.allow_plaintext) {
    problems.push_back(
        {"http.listen", config.http.listen +
                            " can be reached from other machines, and the API speaks plain HTTP: set http.tls_cert "
                            "and http.tls_key, listen on a loopback address, or set http.allow_plaintext = true"});
  }
}

/// A certificate and its key belong together.
void check_pair(const std::string& certificate_option, const std::string& certificate, const std::string& key_option,
                const std::string& key, std::vector<Problem>& problems) {
  if (certificate.empty() == key.empty()) return;
  const auto& given = key.empty() ? certificate_option : key_option;
  const auto& missing = key.empty() ? key_option : certificate_option;
  problems.push_back({given, "is set, but " + missing + " is not: a certificate and its key belong together"});
}

void check_tls(const Config& config, std::vector<Problem>& problems) {
  const auto& http = config.http;
  check_pair("http.tls_cert", http.tls_cert, "http.tls_key", http.tls_key, problems);
  const auto& broker = config.broker;
  check_pair("broker.tls_cert", broker.tls_cert, "broker.tls_key", broker.tls_key, problems);
  for (const auto& [option, file] : {std::pair{"broker.tls_ca", broker.tls_ca}, {"broker.tls_cert", broker.tls_cert}}) {
    if (!file.empty() && !broker.url.empty() && !broker.url.starts_with("amqps://"))
      problems.push_back({option, "is set, but broker.url does not begin with amqps://: it would be plain text"});
  }
  if (!http.tls_client_ca.empty() && http.tls_cert.empty()) {
    problems.push_back(
        {"http.tls_client_ca", "is set, but http.tls_cert is not: clients show certificates over TLS only"});
  }
}

void check_origins(const Config& config, std::vector<Problem>& problems) {
  const auto origins = parse_origins(config.http.cors_origins);
  if (!origins) problems.push_back({"http.cors_origins", origins.error().message});
}

void check_socket(const Config& config, std::vector<Problem>& problems) {
  // sockaddr_un holds 108 bytes with the NUL.
  constexpr std::size_t kMaxPath = 107;
  if (config.socket.path.empty() || config.socket.path.front() != '/') {
    problems.push_back({"socket.path", "must be an absolute path"});
  } else if (config.socket.path.size() > kMaxPath) {
    problems.push_back({"socket.path", "must not be longer than 107 bytes, the most a Unix socket's address holds"});
  }
}

void check_auth(const Config& config, std::vector<Problem>& problems) {
  const auto& directory = config.auth.keys_dir;
  if (!directory.empty() && directory.front() != '/')
    problems.push_back({"auth.keys_dir", "must be an absolute path; got \"" + directory + '"'});
}

/// Of several: alone, an empty one means localhost.
bool has_empty_host(std::string_view url) {
  url.remove_prefix(std::min(url.size(), url.find("://") + 3));
  url = url.substr(0, url.find('/'));
  url.remove_prefix(url.rfind('@') + 1);
  return url.starts_with(',') || url.ends_with(',') || url.find(",,") != std::string_view::npos;
}

void check_broker(const Config& config, std::vector<Problem>& problems) {
  const auto& broker = config.broker;
  if (!broker.url.empty() && !broker.url.starts_with("amqp://") && !broker.url.starts_with("amqps://")) {
    problems.push_back({"broker.url", "must begin with amqp:// or amqps://"});
  } else if (has_empty_host(broker.url)) {
    problems.push_back({"broker.url", "has a comma without a host on each side"});
  }
  const auto fits_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  // An AMQP name holds 255 bytes, and RabbitMQ keeps "amq." for itself.
  const auto& name = broker.name_space;
  if (name.empty() || name.size() > 100 || name.starts_with("amq.") ||
      !std::all_of(name.begin(), name.end(), fits_name)) {
    problems.push_back({"broker.namespace",
                        "must be 1 to 100 letters, digits, dots, dashes or underscores, and not begin with \"amq.\""});
  }
  if (broker.heartbeat % std::chrono::seconds(1) != std::chrono::milliseconds(0)) {
    problems.push_back(
        {"broker.heartbeat", "must be a whole number of seconds; got " + format_duration(broker.heartbeat)});
  }
}

void check_database_url(const char* option, const std::string& url, std::vector<Problem>& problems) {
  if (url.empty() || url.starts_with("postgresql://") || url.starts_with("postgres://")) return;
  if (url.find("://") == std::string::npos && url.find('=') != std::string::npos) return;
  problems.push_back({option,
                      "must begin with postgresql:// or be a keyword string such as \"host=/run/postgresql "
                      "dbname=mtmsg\""});
}

void check_required(std::string_view option, const std::string& value, std::vector<Problem>& problems) {
  if (!value.empty()) return;
  const auto* const row = find_option(option);
  problems.push_back({std::string(option), "is not set. Set it in the configuration file, or as " +
                                               environment_name(*row) + ", or put it into a file and name that in " +
                                               std::string(option) + "_file"});
}

void check_tenants(const Config& config, std::vector<Problem>& problems) {
  const auto& tenants = config.tenants;
  if (std::uint64_t{tenants.max_workers} * tenants.batch > kMaxPrefetch) {
    problems.push_back({"tenants.batch", "is " + std::to_string(tenants.batch) + "; times tenants.max_workers, " +
                                             std::to_string(tenants.max_workers) + ", that makes " +
                                             std::to_string(std::uint64_t{tenants.max_workers} * tenants.batch) +
                                             ", but a prefetch count is at most 65535: make batch at most " +
                                             std::to_string(kMaxPrefetch / tenants.max_workers) +
                                             " or max_workers at most " +
                                             std::to_string(kMaxPrefetch / tenants.batch)});
  }
  if (tenants.workers > tenants.max_workers) {
    problems.push_back({"tenants.workers", "is " + std::to_string(tenants.workers) +
                                               ", more than tenants.max_workers, " +
                                               std::to_string(tenants.max_workers)});
  }
}

void check_limits(const Config& config, std::vector<Problem>& problems) {
  const auto at_least_a_message = [&](std::string_view option, Bytes value) {
    if (value.value >= config.limits.max_message_bytes.value) return;
    problems.push_back({std::string(option), "is " + format_bytes(value) + ", less than limits.max_message_bytes, " +
                                                 format_bytes(config.limits.max_message_bytes)});
  };
  at_least_a_message("http.max_body_bytes", config.http.max_body_bytes);
  at_least_a_message("limits.max_rendered_bytes", config.limits.max_rendered_bytes);
  at_least_a_message("limits.memory_bytes", config.limits.memory_bytes);
}

}  // namespace

void check_config(const Config& config, std::vector<Problem>& problems) {
  check_listen(config, problems);
  check_origins(config, problems);
  check_tls(config, problems);
  check_socket(config, problems);
  check_auth(config, problems);
  check_required("broker.url", config.broker.url, problems);
  check_broker(config, problems);
  check_required("database.url", config.database.url, problems);
  check_database_url("database.url", config.database.url, problems);
  check_database_url("database.direct_url", config.database.direct_url, problems);
  check_tenants(config, problems);
  check_limits(config, problems);
}

}  // namespace mtmsg::config
