#pragma once

#include <cstdlib>
#include <string>

#include "client/transport.hpp"
#include "support/world.hpp"

/// The sandbox's servers by TLS, with the certificates that tools/sandbox made.
namespace mtmsg::test {

inline constexpr const char* kNoTls = "the sandbox is older than its TLS: `tools/sandbox down` and `up`, then `env`";

inline bool servers_speak_tls() {
  return std::getenv("SANDBOX_TLS_DIR") != nullptr && std::getenv("SANDBOX_AMQPS_URL") != nullptr;
}

inline std::string tls_broker_url() {
  return std::getenv("SANDBOX_AMQPS_URL");
}
inline std::string tls_file(const std::string& name) {
  return std::string(std::getenv("SANDBOX_TLS_DIR")) + "/" + name;
}
inline std::string ca_file() {
  return tls_file("ca.pem");
}

/// The same address in a form that no certificate holds: it is none that inet_pton(3) knows, so it is a name.
inline std::string by_another_name(std::string url) {
  const std::string address = "127.0.0.1";
  for (auto at = url.find(address); at != std::string::npos; at = url.find(address, at))
    url.replace(at, address.size(), "127.1");
  return url;
}

/// What /readyz says.
inline std::string ready_page(World& world) {
  client::Transport transport(client::Endpoint::parse(world.endpoint()).value(), client::Options{});
  const auto answer = transport.exchange({"GET", "/readyz", {}, {}});
  return answer.has_value() ? answer->body : answer.error().error.message;
}

}  // namespace mtmsg::test
