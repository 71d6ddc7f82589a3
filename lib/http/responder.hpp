#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "http/exchange.hpp"

namespace mtmsg::http {

/// Where an answer's bytes go.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// All of it, or false: the client is gone.
  virtual bool write(std::string_view bytes) = 0;
  /// Is it worth producing more?
  virtual bool alive() = 0;
};

/// Writes answers as HTTP/1.1, by way of cpp-httplib's server without its sockets, threads and routes: it is given a
/// request line of ours, never the client's bytes, and answers it with the Response at hand. (DESIGN §8 lists the
/// traps this keeps out of.) One thread; each worker owns one.
class Responder {
 public:
  explicit Responder(std::chrono::seconds idle_timeout);
  ~Responder();
  Responder(Responder&&) noexcept;

  struct Framing {
    bool head_only = false;  ///< HEAD: no body
    bool http_1_0 = false;   ///< a stream ends with the connection instead of chunks
    bool keep_alive = true;
  };
  /// False when the connection cannot go on: the client is gone, or a stream broke.
  bool send(Response response, Framing framing, ByteSink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::http
