#include "setup/tls_files.hpp"

namespace mtmsg::setup {

std::optional<tls::ServerFiles> server_files(const config::Config& config) {
  if (config.http.tls_cert.empty()) return std::nullopt;
  return tls::ServerFiles{config.http.tls_cert, config.http.tls_key, config.http.tls_client_ca};
}

tls::ClientFiles broker_files(const config::Config& config) {
  return {config.broker.tls_ca, config.broker.tls_cert, config.broker.tls_key};
}

Result<void> check_tls_files(const config::Config& config) {
  if (const auto files = server_files(config)) {
    auto context = tls::Context::server(*files);
    if (context.has_error()) return Error(context.error()).with_context("http.tls_cert");
  }
  if (config.broker.url.starts_with("amqps://")) {
    auto context = tls::Context::client(broker_files(config));
    if (context.has_error()) return Error(context.error()).with_context("broker.url");
  }
  return {};
}

}  // namespace mtmsg::setup
