#include "http/connection.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "http/request_id.hpp"

namespace mtmsg::http {
namespace {

constexpr unsigned kMaxEmptyLines = 4;           // before a request
constexpr std::size_t kKeptCapacity = 16 << 10;  // an idle connection keeps no more than this

/// The first byte of what is no TLS record (RFC 8446, 5.1: 20 to 24) but may be a request.
bool begins_as_text(char first) noexcept {
  return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') || first == '\r' || first == '\n';
}

}  // namespace

Connection::Handshake Connection::handshake() {
  char first = 0;
  if (::recv(fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && begins_as_text(first)) {
    tls_.reset();
    return Handshake::plain_text;
  }
  switch (tls_->handshake()) {
    case tls::Io::done:
      return Handshake::done;
    case tls::Io::would_block:
      read_event_ = tls_->wants_write() ? POLLOUT : POLLIN;
      return Handshake::would_block;
    default:
      return Handshake::failed;
  }
}

Io Connection::receive_encrypted(std::span<char> scratch, bool& filled) {
  std::size_t got = 0;
  const auto io = tls_->read(scratch, got);
  filled = got >= tls::Stream::kRecord;
  if (io == tls::Io::done) in_.append(scratch.data(), got);
  read_event_ = io == tls::Io::would_block && tls_->wants_write() ? POLLOUT : POLLIN;
  return io == tls::Io::done ? Io::done : io == tls::Io::would_block ? Io::would_block : Io::closed;
}

Io Connection::send_encrypted(std::string_view bytes, std::size_t& sent) {
  const auto io = tls_->write(bytes, sent);
  write_event_ = io == tls::Io::would_block && !tls_->wants_write() ? POLLIN : POLLOUT;
  return io == tls::Io::done ? Io::done : io == tls::Io::would_block ? Io::would_block : Io::closed;
}

Io Connection::receive(std::span<char> scratch, bool& filled) {
  if (tls_) return receive_encrypted(scratch, filled);
  while (true) {
    const auto got = ::recv(fd_, scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (got > 0) {
      in_.append(scratch.data(), static_cast<std::size_t>(got));
      filled = static_cast<std::size_t>(got) == scratch.size();
      return Io::done;
    }
    filled = false;
    if (got == 0) return Io::closed;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Io::would_block : Io::closed;
  }
}

Connection::Progress Connection::advance() {
  if (rejection_) return Progress::rejected;
  if (!head_) {
    if (const auto progress = find_head(); progress != Progress::ready) return progress;
  }
  const auto taken = decoder_.feed(in_, body_);
  in_.erase(0, taken);
  if (decoder_.rejection()) return reject(*decoder_.rejection());
  if (decoder_.done()) return Progress::ready;
  // However long it says it is: a thread waits for the rest only of a body that has really begun to come.
  return body_.size() >= limits_.prebuffer_bytes ? Progress::ready : Progress::incomplete;
}

Connection::Progress Connection::find_head() {
  if (!skip_empty_lines()) return reject({400, "there are empty lines instead of a request"});
  const auto end = find_head_end(in_, searched_);
  if (end.value_or(in_.size()) > limits_.request.head_bytes) return reject({431, "the request's headers are too long"});
  if (!end) {
    if (const auto bad = check_beginning()) return reject(*bad);
    // Otherwise a client that ends its lines with LF alone would only learn of it by the timeout.
    for (auto at = in_.find('\n', searched_); at != std::string::npos; at = in_.find('\n', at + 1))
      if (at == 0 || in_[at - 1] != '\r') return reject({400, "a line does not end with CR LF"});
    searched_ = in_.size();
    return Progress::incomplete;
  }
  searched_ = 0;
  head_text_ = in_.substr(0, *end);
  in_.erase(0, *end);
  auto parsed = parse_head(head_text_, limits_.request);
  if (const auto* rejection = std::get_if<Rejection>(&parsed)) return reject(*rejection);
  head_ = std::move(std::get<RequestHead>(parsed));
  decoder_ = BodyDecoder(*head_, limits_.request);
  continue_due_ = head_->expects_continue && !decoder_.done();
  return Progress::ready;
}

/// RFC 9112, 2.2: an empty line before a request is passed over. False when there are too many.
bool Connection::skip_empty_lines() {
  std::size_t at = 0;
  for (; empty_lines_ <= kMaxEmptyLines && in_.compare(at, 2, "\r\n") == 0; at += 2) ++empty_lines_;
  in_.erase(0, at);
  return empty_lines_ <= kMaxEmptyLines;
}

/// What can't become a request is refused before its headers end, if they ever do: TLS on the plain port, HTTP/0.9.
std::optional<Rejection> Connection::check_beginning() {
  if (line_checked_ || in_.empty() || in_ == "\r") return std::nullopt;
  const auto end = in_.find("\r\n");
  line_checked_ = end != std::string::npos;
  return check_request_line(std::string_view(in_).substr(0, end), line_checked_, limits_.request);
}

Connection::Progress Connection::reject(Rejection rejection) {
  rejection_ = rejection;
  return Progress::rejected;
}

const std::string& Connection::request_id() {
  if (request_id_.empty()) request_id_ = request_id_of(head_ ? head_->headers : std::vector<HeaderLine>());
  return request_id_;
}

bool Connection::take_continue_due() noexcept {
  // A client that sent its body did not wait.
  return std::exchange(continue_due_, false) && body_.empty() && in_.empty();
}

bool Connection::take_body(std::string& out) {
  if (body_.empty()) return false;
  if (out.empty())
    out.swap(body_);
  else
    out += body_;
  body_.clear();
  return true;
}

void Connection::start_next() {
  head_.reset();
  request_id_.clear();
  head_text_.clear();
  body_.clear();
  decoder_ = BodyDecoder();
  searched_ = 0;
  empty_lines_ = 0;
  line_checked_ = false;
  if (in_.empty()) free_buffers();
}

void Connection::free_buffers() {
  for (auto* buffer : {&in_, &body_, &head_text_, &unsent})
    if (buffer->capacity() > kKeptCapacity) buffer->shrink_to_fit();
}

Io Connection::send(std::string_view bytes, std::size_t& sent) {
  if (tls_) return send_encrypted(bytes, sent);
  sent = 0;
  while (sent < bytes.size()) {
    const auto n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
      sent += static_cast<std::size_t>(n);
    else if (errno != EINTR)
      return errno == EAGAIN || errno == EWOULDBLOCK ? Io::would_block : Io::closed;
  }
  return Io::done;
}

}  // namespace mtmsg::http
