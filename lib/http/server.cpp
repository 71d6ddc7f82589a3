#include "http/server.hpp"

#include <vector>

#include "http/gate.hpp"

namespace mtmsg::http {

struct Server::Impl {
  ServerOptions options;
  Handler handler;
  OnError on_error;
  std::unique_ptr<Gate> gate;
  std::uint16_t port = 0;
};

Server::Server(ServerOptions options, Handler handler, OnError on_error)
    : impl_(std::make_unique<Impl>(Impl{std::move(options), std::move(handler), std::move(on_error), nullptr, 0})) {}

Server::~Server() {
  stop();
}

Result<void> Server::start() {
  if (impl_->gate) return {};
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
  impl_->gate = std::make_unique<Gate>(impl_->options.limits, impl_->handler,
                                       Gate::Hooks{impl_->on_error, impl_->options.on_answered, impl_->options.cors},
                                       std::move(listeners));
  impl_->gate->start();
  return {};
}

void Server::stop() {
  if (!impl_->gate) return;
  impl_->gate->stop();
  impl_->gate.reset();
  impl_->port = 0;
}

std::uint16_t Server::port() const noexcept {
  return impl_->port;
}

}  // namespace mtmsg::http
