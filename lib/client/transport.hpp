#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/client.hpp"

namespace mtmsg::client {

struct HttpRequest {
  std::string method;
  std::string path;  ///< with its query, percent-encoded
  std::string body;
  std::string content_type;  ///< empty: no body
  std::string accept = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< more of them
  std::chrono::seconds wait{0};                                   ///< that the server may take longer than others
};

struct HttpAnswer {
  int status = 0;
  std::string body;  ///< empty where a receiver took it
};

/// One HTTP connection, kept alive, made again when it broke. A status of 400 and above is a CallError with the
/// problem's code and detail (RFC 9457). One thread at a time.
class Transport {
 public:
  /// Takes the body of a successful answer piece by piece; false stops.
  using Receiver = std::function<bool(std::string_view)>;

  Transport(Endpoint endpoint, Options options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// Breaks the connection of a request that is under way. Any thread.
  void interrupt() noexcept;
  Call<HttpAnswer> send(const HttpRequest& request);
  /// The same with whatever status there is, for a server whose errors are no problems.
  Call<HttpAnswer> exchange(const HttpRequest& request);
  /// A body that breaks off in the middle is no error here: the caller knows how it should end. `complete` says.
  struct Received {
    HttpAnswer answer;
    bool complete = false;
  };
  Call<Received> receive(const HttpRequest& request, const Receiver& receiver);

 private:
  struct Http;
  CallError unreachable(std::string_view reason, bool perhaps_done) const;
  std::string tls_reason(std::string reason) const;

  Endpoint endpoint_;
  Options options_;
  std::unique_ptr<Http> http_;
};

/// RFC 3986, 2.1: everything but unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace mtmsg::client
