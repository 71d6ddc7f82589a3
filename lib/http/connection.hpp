#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>

#include "auth/authenticator.hpp"
#include "http/framing.hpp"
#include "http/limits.hpp"
#include "tls/stream.hpp"

namespace mtmsg::http {

/// What a call that never blocks achieved.
enum class Io { done, would_block, closed };

/// The bytes of one connection: what came in, the request they make, what is not sent yet. Knows sockets, but neither
/// the loop nor threads. One owner at a time: the loop, or the worker that serves its request.
class Connection {
 public:
  enum class Progress {
    incomplete,  ///< more bytes are needed
    ready,       ///< head and enough of the body are there: a worker may take it
    rejected,    ///< rejection() says why
  };

  /// Does not own `fd`, which never blocks.
  Connection(int fd, auth::Peer peer, const ServerLimits& limits) : fd_(fd), peer_(std::move(peer)), limits_(limits) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const noexcept { return fd_; }
  const auth::Peer& peer() const noexcept { return peer_; }

  enum class Handshake {
    done,
    would_block,
    plain_text,  ///< the client does not speak TLS: what is sent from now on is plain text, too
    failed,      ///< why: handshake_error()
  };
  /// From now on everything goes through `stream`, whose handshake comes first.
  void encrypt(tls::Stream stream) { tls_ = std::make_unique<tls::Stream>(std::move(stream)); }
  Handshake handshake();
  const std::string& handshake_error() const noexcept { return tls_->error(); }
  /// What the call of that kind that would have blocked waits for, POLLIN or POLLOUT: TLS may have to write to read on.
  short read_event() const noexcept { return read_event_; }
  short write_event() const noexcept { return write_event_; }
  /// The client learns that nothing more comes, where the protocol has a word for it.
  void say_goodbye() noexcept {
    if (tls_) tls_->say_goodbye();
  }

  /// Reads once, through `scratch` of at least 16 KiB. `filled` tells whether there may be more at once.
  Io receive(std::span<char> scratch, bool& filled);
  /// Makes of the bytes what they give. May be called again without new bytes.
  Progress advance();

  const std::optional<Rejection>& rejection() const noexcept { return rejection_; }
  /// Of the request being received or served.
  const RequestHead& head() const noexcept { return *head_; }
  bool has_head() const noexcept { return head_.has_value(); }
  /// What the current request is called (request_id.hpp), also when it is none: the same until start_next().
  const std::string& request_id();
  /// Nothing of a request has arrived.
  bool idle() const noexcept { return !head_ && in_.empty(); }
  /// All of the current request has arrived.
  bool complete() const noexcept { return head_ && decoder_.done(); }
  /// The bytes behind the current request.
  bool has_more() const noexcept { return !in_.empty(); }
  /// True once, when the client waits for "100 Continue".
  bool take_continue_due() noexcept;
  /// Moves what is there of the decoded body to the end of `out`.
  bool take_body(std::string& out);
  /// Forgets the current request, which is complete().
  void start_next();

  /// Sends what it can; the number of bytes goes to `sent`.
  Io send(std::string_view bytes, std::size_t& sent);
  /// The rest of an answer, for the loop to send.
  std::string unsent;

  std::size_t buffered_bytes() const noexcept { return in_.size() + body_.size() + head_text_.size() + unsent.size(); }
  void free_buffers();

 private:
  Io receive_encrypted(std::span<char> scratch, bool& filled);
  Io send_encrypted(std::string_view bytes, std::size_t& sent);
  Progress reject(Rejection rejection);
  Progress find_head();
  bool skip_empty_lines();
  std::optional<Rejection> check_beginning();

  const int fd_;
  const auth::Peer peer_;
  const ServerLimits& limits_;
  std::unique_ptr<tls::Stream> tls_;
  short read_event_ = POLLIN;
  short write_event_ = POLLOUT;

  std::string in_;  // not taken apart yet
  std::size_t searched_ = 0;
  unsigned empty_lines_ = 0;   // before the request
  bool line_checked_ = false;  // the request line, ahead of its headers
  std::string head_text_;      // what head_ points into
  std::optional<RequestHead> head_;
  std::string request_id_;
  std::optional<Rejection> rejection_;
  BodyDecoder decoder_;
  std::string body_;
  bool continue_due_ = false;
};

}  // namespace mtmsg::http
