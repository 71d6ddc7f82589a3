// The gate's TLS handshakes: made on the loop, none waits for another.

#include <boost/asio/post.hpp>

#include "http/gate.hpp"

namespace mtmsg::http {
namespace {

using std::chrono::steady_clock;

}  // namespace

void Gate::use_tls(Tls tls) {
  boost::asio::post(loop_, [this, tls = std::move(tls)]() mutable { tls_ = std::move(tls); });
}

void Gate::greet(Slot& slot) {
  auto stream = tls::Stream::server(*tls_, slot.connection.fd());
  if (!stream) return close(slot);  // out of memory
  slot.connection.encrypt(std::move(*stream));
  slot.phase = Slot::Phase::greeting;
  slot.deadline = steady_clock::now() + limits_.request_timeout;
  wait_greeting(slot);
}

void Gate::wait_greeting(Slot& slot) {
  wait(slot, slot.connection.read_event() == POLLIN ? Wait::wait_read : Wait::wait_write, &Gate::on_greeting);
}

void Gate::on_greeting(Slot& slot) {
  if (slot.phase != Slot::Phase::greeting) return;
  switch (slot.connection.handshake()) {
    case Connection::Handshake::would_block:
      return wait_greeting(slot);
    case Connection::Handshake::plain_text:
      return refuse(slot, Problem(Rejection{400, "this port speaks TLS only: ask with https://"}));
    case Connection::Handshake::failed:
      if (hooks_.on_stranger) hooks_.on_stranger(slot.connection.peer(), slot.connection.handshake_error());
      return linger(slot);  // the alert that says why must reach the client
    case Connection::Handshake::done:
      slot.phase = Slot::Phase::reading;
      slot.quiet_since = steady_clock::now();
      slot.deadline = slot.quiet_since + limits_.idle_timeout;
      return wait_readable(slot);
  }
}

}  // namespace mtmsg::http
