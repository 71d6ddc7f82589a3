#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/limits.hpp"
#include "http/listener.hpp"
#include "tls/context.hpp"

namespace mtmsg::http {

struct ServerOptions {
  std::optional<ListenAddress> tcp;
  std::optional<UnixListen> unix_socket;
  std::optional<tls::ServerFiles> tls;  ///< for TCP; without it, plain text
  ServerLimits limits;
  Cors cors;
  OnAnswered on_answered = {};
  OnStranger on_stranger = {};
};

/// HTTP/1.1 on TCP and on a Unix socket, the same handler for both. Any thread, one call at a time.
class Server {
 public:
  /// `on_error` gets the text of what a handler threw and the request's id, on a worker thread.
  using OnError = std::function<void(std::string_view what, std::string_view request_id)>;
  Server(ServerOptions options, Handler handler, OnError on_error);
  ~Server();

  /// Returns when clients can connect. Errors: Listener's and tls::Context's. Again while running: does nothing.
  Result<void> start();
  /// Refuses new connections and requests, closes idle connections, gives running requests `limits.stop_grace`, then
  /// cuts them. Returns when all handlers have ended. Idempotent; start() may follow.
  void stop();
  /// Reads certificate, key and CAs again. Connections that exist go on as they are. Does nothing without TLS, or while
  /// not running. Error: tls::Context's, and then what was in use stays in use.
  Result<void> reload_tls();

  std::uint16_t port() const noexcept;  ///< of TCP, while running; 0 without
  /// When the certificate in use expires; none without TLS, or while not running. Any thread, at any time.
  std::optional<std::chrono::system_clock::time_point> certificate_end() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::http
