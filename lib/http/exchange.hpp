#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/system/result.hpp>

#include "auth/authenticator.hpp"
#include "http/problem.hpp"
#include "http/trace_context.hpp"

/// A request and its answer, as handlers see them: no socket, no HTTP library.
namespace mtmsg::http {

/// The body, piece by piece. Worker thread only, during the handler's call. A problem (400 broken framing, 413, 408,
/// 503) ends the connection with that answer; the handler returns it as it is.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// Appends at least one byte to `out`, waiting for the client if need be; false at the end of the body.
  virtual boost::system::result<bool, Problem> read(std::string& out) = 0;
};

/// What the handler found out, for the access log.
struct RequestFacts {
  std::string_view route = {};  ///< the pattern; empty: there is none
  std::string subject = {};     ///< empty: nobody asked who it is
  std::string code = {};        ///< the problem's
};

struct Request {
  std::string_view method;  ///< HEAD arrives as GET; its answer's body is not sent
  std::string_view target;
  const std::vector<HeaderLine>& headers;
  const auth::Peer& peer;
  BodyReader& body;
  std::string id = {};      ///< request_id.hpp
  TraceContext trace = {};  ///< trace_context.hpp
  RequestFacts facts = {};

  /// The first header of this name (any case), or empty.
  std::string_view header(std::string_view name) const noexcept;
};

/// Produces an answer of unknown length. Called again and again on the worker thread, with a buffer to append to.
enum class StreamStep {
  more,
  done,    ///< what was appended is the end
  broken,  ///< cut the connection, so that the client sees that something is missing
};
using BodyStream = std::function<StreamStep(std::string& buffer)>;

struct Response;

/// An answer that comes when there is something to tell. Until then it holds no thread, and it is destroyed when the
/// client goes away.
struct Later {
  enum class Why {
    called,  ///< there may be something now; it may also have been too early
    over,    ///< the deadline is over, or the server stops: it is the last time, so answer at once
  };
  std::chrono::steady_clock::time_point deadline;
  /// Called once on the loop's thread. It keeps `call`, which may be called by any thread, also at once, and must not
  /// be when this is destroyed.
  std::function<void(std::function<void()> call)> begin;
  /// On a worker's thread, with the same request as before, but for its body. May give another Later, unless it is
  /// over.
  std::function<boost::system::result<Response, Problem>(Why, Request&)> resume;
};

struct Response {
  int status = 200;
  std::string content_type;  ///< empty: no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  BodyStream stream;               ///< instead of `body`
  std::shared_ptr<Later> later{};  ///< instead of everything else

  static Response json(int status, std::string body);
  static Response of(const Problem& problem);

  /// X-Request-Id, and what keeps browsers from guessing a type and from keeping the answer, unless it says otherwise.
  void add_standard_headers(std::string_view request_id);
  /// The first header of this name (any case), or nullptr.
  const std::string* header(std::string_view name) const noexcept;
};

/// A whole HTTP answer, for those who don't get as far as a worker; the connection ends with it.
std::string plain_answer(Problem problem, std::string request_id);

/// Any thread, several at a time. May throw: the client gets a 500 that says nothing about it, and the server's
/// `on_error` gets the text.
using Handler = std::function<Response(Request&)>;

/// A request that was answered, or whose answer broke off.
struct Answered {
  const Request& request;
  int status = 0;
  std::uint64_t bytes = 0;              ///< of the answer, headers and all
  std::chrono::nanoseconds duration{};  ///< from when a thread took it until the client has it, or the kernel
};
/// Worker threads, several at a time. Does not throw.
using OnAnswered = std::function<void(const Answered&)>;
/// A TLS handshake failed: with whom, and why. On the loop's thread: must not block.
using OnStranger = std::function<void(const auth::Peer& peer, std::string_view why)>;

}  // namespace mtmsg::http
