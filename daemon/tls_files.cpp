#include "daemon/tls_files.hpp"

namespace mtmsg::daemon {

std::optional<tls::ServerFiles> server_files(const config::Config& config) {
  if (config.http.tls_cert.empty()) return std::nullopt;
  return tls::ServerFiles{config.http.tls_cert, config.http.tls_key, config.http.tls_client_ca};
}

Result<void> check_tls_files(const config::Config& config) {
  if (const auto files = server_files(config)) {
    auto context = tls::Context::server(*files);
    if (context.has_error()) return Error(context.error()).with_context("http.tls_cert");
  }
  return {};
}

}  // namespace mtmsg::daemon
