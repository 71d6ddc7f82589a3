#include "http/server.hpp"

#include <atomic>
#include <vector>

#include "http/gate.hpp"

namespace mtmsg::http {
namespace {

constexpr std::chrono::system_clock::time_point kNone{};

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options_, Handler handler_, OnError on_error_)
      : options(std::move(options_)), handler(std::move(handler_)), on_error(std::move(on_error_)) {}

  ServerOptions options;
  Handler handler;
  OnError on_error;
  std::unique_ptr<Gate> gate;
  std::uint16_t port = 0;
  std::atomic<std::chrono::system_clock::time_point> certificate_end{};  // the epoch: none
};

Server::Server(ServerOptions options, Handler handler, OnError on_error)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler), std::move(on_error))) {}

Server::~Server() {
  stop();
}

Result<void> Server::start() {
  if (impl_->gate) return {};
  Gate::Tls tls;
  if (impl_->options.tls) {
    auto context = tls::Context::server(*impl_->options.tls);
    if (!context) return context.error();
    tls = std::move(*context);
    impl_->certificate_end = tls->not_after().value_or(kNone);
  }
  std::vector<Listener> listeners;
  if (impl_->options.tcp) {
    auto listener = Listener::tcp(*impl_->options.tcp);
    if (!listener) return listener.error();
    impl_->port = listener->port();
    listeners.push_back(std::move(*listener));
  }
  if (impl_->options.unix_socket) {
    auto listener = Listener::unix_socket(*impl_->options.unix_socket);
    if (!listener) return listener.error();
    listeners.push_back(std::move(*listener));
  }
  impl_->gate = std::make_unique<Gate>(
      impl_->options.limits, impl_->handler,
      Gate::Hooks{impl_->on_error, impl_->options.on_answered, impl_->options.on_stranger, impl_->options.cors},
      std::move(listeners), std::move(tls));
  impl_->gate->start();
  return {};
}

void Server::stop() {
  if (!impl_->gate) return;
  impl_->gate->stop();
  impl_->gate.reset();
  impl_->port = 0;
  impl_->certificate_end = kNone;
}

Result<void> Server::reload_tls() {
  if (!impl_->gate || !impl_->options.tls) return {};
  auto context = tls::Context::server(*impl_->options.tls);
  if (!context) return context.error();
  impl_->certificate_end = (*context)->not_after().value_or(kNone);
  impl_->gate->use_tls(std::move(*context));
  return {};
}

std::optional<std::chrono::system_clock::time_point> Server::certificate_end() const noexcept {
  const auto end = impl_->certificate_end.load();
  return end == kNone ? std::nullopt : std::optional(end);
}

std::uint16_t Server::port() const noexcept {
  return impl_->port;
}

}  // namespace mtmsg::http
