// Requests, as a connection takes them from a socket: however the bytes are cut, the same requests come out; and what
// comes out can be written as plainly as can be and is read as the same.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"
#include "http/connection.hpp"
#include "http/file_descriptor.hpp"

namespace mtmsg::fuzz {
namespace {

using http::Connection;

constexpr std::string_view kSeeds[] = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /tenants HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\nT: u\r\n\r\nGET /b "
    "HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
    "h\r\nConnection: close\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};
constexpr std::string_view kWords[] = {"\r\n",
                                       "\n",
                                       "\r",
                                       "\r\n\r\n",
                                       "Content-Length: 4\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Transfer-Encoding: identity\r\n",
                                       "Host: h\r\n",
                                       "Connection: keep-alive\r\n",
                                       "chunked",
                                       " HTTP/1.1",
                                       " HTTP/1.0",
                                       "0\r\n\r\n",
                                       "ffffffffffffffff\r\n",
                                       "-1",
                                       "0x5",
                                       ";",
                                       "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                                       ": ",
                                       " ",
                                       "\t"};

struct Taken {
  std::string method;
  std::string target;
  bool http_1_0 = false;
  bool keep_alive = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  friend bool operator==(const Taken&, const Taken&) = default;
};

struct Outcome {
  std::vector<Taken> requests;
  bool rejected = false;
  std::string unfinished;  ///< the body so far of a request that has no end yet
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Taken taken_of(const http::RequestHead& head) {
  Taken taken{std::string(head.method), std::string(head.target), head.http_1_0, head.keep_alive, {}, {}};
  for (const auto& [name, value] : head.headers) taken.headers.emplace_back(name, value);
  return taken;
}

/// Takes what the bytes read so far make.
void advance(Connection& connection, Outcome& outcome) {
  while (!outcome.rejected) {
    const auto progress = connection.advance();
    if (connection.has_head() && progress != Connection::Progress::rejected) connection.take_body(outcome.unfinished);
    if (progress == Connection::Progress::rejected) {
      outcome.rejected = true;
      outcome.unfinished.clear();  // how much of it came out depends on the cuts, and nobody gets it
    }
    if (progress != Connection::Progress::ready || !connection.complete()) return;
    auto taken = taken_of(connection.head());
    taken.body = std::exchange(outcome.unfinished, {});
    outcome.requests.push_back(std::move(taken));
    connection.start_next();
  }
}

/// The input in pieces of 1 to `most` bytes, as many as `pattern` says; 0: in one.
Outcome take(std::string_view bytes, std::size_t most, std::size_t pattern) {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0, "there are sockets");
  const http::FileDescriptor far(ends[0]);
  const http::FileDescriptor near(ends[1]);
  const http::ServerLimits limits;
  Connection connection(near.get(), {}, limits);
  Outcome outcome;
  std::array<char, 16 << 10> scratch;
  while (!bytes.empty() && !outcome.rejected) {
    pattern = pattern * 2862933555777941757ULL + 3037000493ULL;
    const auto size = most == 0 ? bytes.size() : std::min(bytes.size(), (pattern >> 40U) % most + 1);
    require(::send(far.get(), bytes.data(), size, MSG_NOSIGNAL) == static_cast<ssize_t>(size), "a socket takes 8 KiB");
    bytes.remove_prefix(size);
    bool filled = false;
    require(connection.receive(scratch, filled) == http::Io::done, "what was sent arrives");
    advance(connection, outcome);
  }
  return outcome;
}

std::string written(const Taken& request) {
  std::string text = request.method + ' ' + request.target + (request.http_1_0 ? " HTTP/1.0" : " HTTP/1.1") + "\r\n";
  for (const auto& [name, value] : request.headers) {
    const bool framing = name.size() == 14 || name.size() == 17;  // Content-Length, Transfer-Encoding
    if (!framing) text.append(name).append(": ").append(value).append("\r\n");
  }
  return text + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

void check_written(const Taken& request) {
  const auto again = take(written(request), 0, 0);
  require(!again.rejected && again.requests.size() == 1, "what was taken and written plainly is one request");
  require(again.requests[0].method == request.method && again.requests[0].target == request.target &&
              again.requests[0].body == request.body && again.requests[0].keep_alive == request.keep_alive,
          "what was taken and written plainly is the same request");
}

}  // namespace

std::span<const std::string_view> seeds() noexcept {
  return kSeeds;
}
std::span<const std::string_view> words() noexcept {
  return kWords;
}

}  // namespace mtmsg::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mtmsg::fuzz;
  if (size > (8 << 10)) return 0;
  const auto bytes = text_of(data, size);
  const auto whole = take(bytes, 0, 0);
  require(take(bytes, 1, 0) == whole, "bytes one by one make the same requests");
  require(take(bytes, 40, size * 31 + 7) == whole, "bytes in pieces make the same requests");
  for (const auto& request : whole.requests) check_written(request);
  return 0;
}
