#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/http_client.hpp"
#include "tls/stream.hpp"

/// A client that speaks TLS over a socket it can do anything else with, too.
namespace mtmsg::test {

class TlsClient {
 public:
  TlsClient(std::uint16_t port, const tls::Context& context, const std::string& host = "localhost")
      : raw_(RawClient::tcp(port)), stream_(tls::Stream::client(context, raw_.fd(), host).value()) {}

  RawClient& raw() { return raw_; }
  /// Why it failed; empty when it did not.
  std::string handshake() {
    while (true) {
      const auto io = stream_.handshake();
      if (io == tls::Io::done) return {};
      if (io != tls::Io::would_block) return stream_.error().empty() ? "closed" : stream_.error();
      if (!wait()) return "late";
    }
  }
  /// Goes one step, and waits for nothing.
  void step() { (void)stream_.handshake(); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      std::size_t sent = 0;
      const auto io = stream_.write(bytes, sent);
      bytes.remove_prefix(sent);
      if (io == tls::Io::done) break;
      if (io != tls::Io::would_block || !wait()) return false;
    }
    return true;
  }
  /// Everything until `text`, or the end.
  std::string read_until(std::string_view text) {
    std::vector<char> buffer(tls::Stream::kRecord);
    std::string seen;
    while (text.empty() || seen.find(text) == std::string::npos) {
      std::size_t got = 0;
      const auto io = stream_.read(buffer, got);
      seen.append(buffer.data(), got);
      last_ = io;
      if (io == tls::Io::done) continue;
      if (io != tls::Io::would_block || !wait()) break;
    }
    return seen;
  }
  std::string ask(std::string_view request) {
    if (auto why = handshake(); !why.empty()) return why;
    (void)send(request);  // what it answers tells, or that it does not
    return read_until("");
  }
  /// The last read ended with the server's goodbye, or a connection that broke.
  tls::Io last() const { return last_; }
  const std::string& error() const { return stream_.error(); }

 private:
  bool wait() {
    pollfd descriptor{raw_.fd(), static_cast<short>(stream_.wants_write() ? POLLOUT : POLLIN), 0};
    return ::poll(&descriptor, 1, 10'000) > 0;
  }

  RawClient raw_;
  tls::Stream stream_;
  tls::Io last_ = tls::Io::done;
};

}  // namespace mtmsg::test
