#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/limits.hpp"

/// Where a request ends (RFC 9112). Security code: whoever disagrees with us about that could smuggle a request past
/// the other, so what is not plainly right is refused. Pure; any thread.
namespace mtmsg::http {

/// Why the bytes are no request we take: a status of RFC 9110 and a sentence. The connection cannot go on.
struct Rejection {
  int status = 400;
  std::string_view reason;  ///< a literal
};

struct HeaderLine {
  std::string_view name;
  std::string_view value;  ///< without the blanks around it
};

/// A head that was understood. The views point into the text given to parse_head.
struct RequestHead {
  enum class Body { none, length, chunked };
  std::string_view method;
  std::string_view target;  ///< origin form: begins with '/', visible ASCII
  bool http_1_0 = false;
  bool keep_alive = true;         ///< RFC 9112, 9.3
  bool expects_continue = false;  ///< RFC 9110, 10.1.1
  Body body = Body::none;
  std::uint64_t content_length = 0;
  std::vector<HeaderLine> headers;
};

/// Offset behind the empty line that ends a head, nullopt while it is not there. `known` bytes at the front were
/// searched before.
std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t known) noexcept;

/// Looks at a request line before its head is whole, or, when it is not `complete`, at its beginning: a rejection when
/// parse_head would have one for it, whatever follows.
std::optional<Rejection> check_request_line(std::string_view line, bool complete, const RequestLimits& limits);

/// `head` is everything up to and with the empty line.
std::variant<RequestHead, Rejection> parse_head(std::string_view head, const RequestLimits& limits);

/// Takes a body apart as it arrives, in pieces of any size.
class BodyDecoder {
 public:
  /// No body: done at once.
  BodyDecoder() = default;
  BodyDecoder(const RequestHead& head, const RequestLimits& limits);

  /// Appends what `raw` holds of the body to `out`. Returns how many bytes of `raw` belong to this request: all of
  /// them while neither done() nor rejection(), then none.
  std::size_t feed(std::string_view raw, std::string& out);

  bool done() const noexcept { return state_ == State::done; }
  const std::optional<Rejection>& rejection() const noexcept { return rejection_; }

 private:
  enum class State {
    counted,  // Content-Length: `left_` bytes to go
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_line,
    trailer_lf,
    last_lf,
    done,
  };

  void step(char c);
  void size_digit(char c);
  void size_ended();
  void expect(char c, char wanted, State next);
  void overhead(char c);
  void reject(int status, std::string_view reason) { rejection_ = Rejection{status, reason}; }

  State state_ = State::done;
  std::uint64_t left_ = 0;     // of the body or the chunk
  std::uint64_t allowed_ = 0;  // of a chunked body
  unsigned digits_ = 0;        // of the chunk size
  std::size_t overhead_ = 0;   // bytes of chunk extensions and trailers so far
  std::optional<Rejection> rejection_;
};

}  // namespace mtmsg::http
