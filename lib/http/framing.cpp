#include "http/framing.hpp"

#include <algorithm>

#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

constexpr std::size_t kMaxChunkOverhead = 4096;  // bytes of extensions and trailers in one body
constexpr unsigned kMaxSizeDigits = 15;          // a chunk size that fits 60 bits
constexpr std::size_t kMaxLengthDigits = 18;     // a Content-Length that fits 63 bits
constexpr std::size_t kMaxMethodBytes = 16;

/// Field values: visible characters, blanks, and bytes above ASCII (RFC 9110, 5.5).
bool is_value_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

bool is_target_byte(char c) noexcept {
  return c > 0x20 && c < 0x7F;
}

class HeadParser {
 public:
  HeadParser(std::string_view text, const RequestLimits& limits) : rest_(text), limits_(limits) {}

  std::variant<RequestHead, Rejection> parse() {
    if (rest_.size() > limits_.head_bytes) return Rejection{431, "the request's headers are too long"};
    if (auto bad = request_line()) return *bad;
    while (rest_ != "\r\n")
      if (auto bad = header_line()) return *bad;
    if (auto bad = finish()) return *bad;
    return std::move(head_);
  }

  using Verdict = std::optional<Rejection>;

  static Verdict beginning(std::string_view line, bool complete, const RequestLimits& limits) {
    HeadParser parser({}, limits);
    if (complete) return parser.request_line(line);
    if (line.size() > limits.line_bytes + 1) return Rejection{414, "the request line is too long"};
    // A method's letters, and what parse_head says about anything else.
    if (!is_upper(line.front())) return Rejection{400, "the request line is not METHOD TARGET VERSION"};
    return std::nullopt;
  }

 private:
  /// The next line without its end. A CR or LF alone never ends a line: servers disagree about those.
  std::optional<std::string_view> next_line() {
    const auto end = rest_.find_first_of("\r\n");
    if (end == std::string_view::npos || rest_.substr(end, 2) != "\r\n") return std::nullopt;
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return line;
  }

  Verdict request_line() {
    const auto line = next_line();
    if (!line) return Rejection{400, "the request line does not end with CR LF"};
    return request_line(*line);
  }

  Verdict request_line(std::string_view line) {
    if (line.size() > limits_.line_bytes) return Rejection{414, "the request line is too long"};
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
      return Rejection{400, "the request line is not METHOD TARGET VERSION"};
    head_.method = line.substr(0, first);
    head_.target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (head_.method.empty() || head_.method.size() > kMaxMethodBytes ||
        !std::all_of(head_.method.begin(), head_.method.end(), is_upper))
      return Rejection{400, "the method is not one"};
    if (!version.starts_with("HTTP/")) return Rejection{400, "the request line is not METHOD TARGET VERSION"};
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return Rejection{505, "only HTTP/1.1 and HTTP/1.0 are spoken"};
    if (!head_.target.starts_with('/') || !std::all_of(head_.target.begin(), head_.target.end(), is_target_byte))
      return Rejection{400, "the request target is not a path of visible ASCII characters"};
    head_.http_1_0 = version == "HTTP/1.0";
    head_.keep_alive = !head_.http_1_0;
    return std::nullopt;
  }

  Verdict header_line() {
    const auto line = next_line();
    if (!line) return Rejection{400, "a header line does not end with CR LF"};
    if (line->size() > limits_.line_bytes) return Rejection{431, "a header line is too long"};
    if (head_.headers.size() >= limits_.header_lines) return Rejection{431, "too many headers"};
    const auto colon = line->find(':');
    // A name that is no token covers folded lines (they begin with a blank) and a blank before the colon.
    if (colon == std::string_view::npos || colon == 0 ||
        !std::all_of(line->begin(), line->begin() + static_cast<std::ptrdiff_t>(colon), is_token))
      return Rejection{400, "a header line is not NAME: VALUE"};
    const HeaderLine header{line->substr(0, colon), trim(line->substr(colon + 1))};
    if (!std::all_of(header.value.begin(), header.value.end(), is_value_byte))
      return Rejection{400, "a header holds a control character"};
    head_.headers.push_back(header);
    return meaning_of(header);
  }

  Verdict meaning_of(const HeaderLine& header) {
    if (iequals(header.name, "Host")) {
      if (hosts_++ > 0) return Rejection{400, "more than one Host header"};
    } else if (iequals(header.name, "Content-Length")) {
      return content_length(header.value);
    } else if (iequals(header.name, "Transfer-Encoding")) {
      if (chunked_ || !iequals(header.value, "chunked"))
        return Rejection{400, "the only Transfer-Encoding taken is \"chunked\", once"};
      chunked_ = true;
    } else if (iequals(header.name, "Content-Encoding")) {
      // Nobody bounds what a compressed body unpacks to.
      if (!iequals(header.value, "identity")) return Rejection{415, "a Content-Encoding is not taken; send it plain"};
    } else if (iequals(header.name, "Expect")) {
      if (!iequals(header.value, "100-continue")) return Rejection{417, "the only expectation met is 100-continue"};
      head_.expects_continue = true;
    } else if (iequals(header.name, "Connection")) {
      connection(header.value);
    }
    return std::nullopt;
  }

  Verdict content_length(std::string_view value) {
    if (has_length_) return Rejection{400, "more than one Content-Length"};
    has_length_ = true;
    if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit))
      return Rejection{400, "Content-Length is not a number"};
    if (value.size() > kMaxLengthDigits) return Rejection{413, "the body is too long"};
    for (const char digit : value)
      head_.content_length = head_.content_length * 10 + static_cast<std::uint64_t>(digit - '0');
    if (head_.content_length > limits_.body_bytes) return Rejection{413, "the body is too long"};
    return std::nullopt;
  }

  void connection(std::string_view options) {
    while (!options.empty()) {
      const auto comma = options.find(',');
      const auto option = trim(options.substr(0, comma));
      if (iequals(option, "close")) closes_ = true;
      if (iequals(option, "keep-alive")) head_.keep_alive = true;
      options = comma == std::string_view::npos ? std::string_view() : options.substr(comma + 1);
    }
  }

  Verdict finish() {
    if (chunked_ && has_length_) return Rejection{400, "Content-Length and Transfer-Encoding exclude each other"};
    if (chunked_ && head_.http_1_0) return Rejection{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (hosts_ == 0 && !head_.http_1_0) return Rejection{400, "the Host header is missing"};
    if (closes_) head_.keep_alive = false;
    if (head_.http_1_0) head_.expects_continue = false;
    if (chunked_)
      head_.body = RequestHead::Body::chunked;
    else if (head_.content_length > 0)
      head_.body = RequestHead::Body::length;
    return std::nullopt;
  }

  std::string_view rest_;
  const RequestLimits& limits_;
  RequestHead head_;
  unsigned hosts_ = 0;
  bool has_length_ = false;
  bool chunked_ = false;
  bool closes_ = false;
};

}  // namespace

std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t known) noexcept {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const auto from = known < kEnd.size() ? 0 : known - (kEnd.size() - 1);
  const auto at = bytes.find(kEnd, from);
  if (at == std::string_view::npos) return std::nullopt;
  return at + kEnd.size();
}

std::optional<Rejection> check_request_line(std::string_view line, bool complete, const RequestLimits& limits) {
  return HeadParser::beginning(line, complete, limits);
}

std::variant<RequestHead, Rejection> parse_head(std::string_view head, const RequestLimits& limits) {
  return HeadParser(head, limits).parse();
}

BodyDecoder::BodyDecoder(const RequestHead& head, const RequestLimits& limits) : allowed_(limits.body_bytes) {
  switch (head.body) {
    case RequestHead::Body::none:
      break;
    case RequestHead::Body::length:
      state_ = State::counted;
      left_ = head.content_length;
      break;
    case RequestHead::Body::chunked:
      state_ = State::size;
      break;
  }
}

std::size_t BodyDecoder::feed(std::string_view raw, std::string& out) {
  std::size_t at = 0;
  while (at < raw.size() && !done() && !rejection_) {
    if (state_ != State::counted && state_ != State::data) {
      step(raw[at++]);
      continue;
    }
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(raw.size() - at, left_));
    out.append(raw.substr(at, take));
    at += take;
    left_ -= take;
    if (left_ == 0) state_ = state_ == State::counted ? State::done : State::data_cr;
  }
  return at;
}

void BodyDecoder::step(char c) {
  switch (state_) {
    case State::size:
      return size_digit(c);
    case State::extension:
      if (c == '\r')
        state_ = State::size_lf;
      else
        overhead(c);
      return;
    case State::size_lf:
      expect(c, '\n', State::data);
      if (!rejection_) size_ended();
      return;
    case State::data_cr:
      return expect(c, '\r', State::data_lf);
    case State::data_lf:
      return expect(c, '\n', State::size);
    case State::trailer_start:
      state_ = c == '\r' ? State::last_lf : State::trailer_line;
      if (c != '\r') overhead(c);
      return;
    case State::trailer_line:
      if (c == '\r')
        state_ = State::trailer_lf;
      else
        overhead(c);
      return;
    case State::trailer_lf:
      return expect(c, '\n', State::trailer_start);
    case State::last_lf:
      return expect(c, '\n', State::done);
    case State::counted:
    case State::data:
    case State::done:
      return;
  }
}

void BodyDecoder::size_digit(char c) {
  if (const auto digit = hex_value(c)) {
    if (++digits_ > kMaxSizeDigits) return reject(400, "a chunk's size is too long");
    left_ = left_ * 16 + *digit;
    return;
  }
  if (digits_ == 0) return reject(400, "a chunk has no size");
  if (c == '\r')
    state_ = State::size_lf;
  else if (c == ';')
    state_ = State::extension;
  else
    reject(400, "a chunk's size is not a hexadecimal number");
}

void BodyDecoder::size_ended() {
  digits_ = 0;
  if (left_ > allowed_) return reject(413, "the body is too long");
  allowed_ -= left_;
  if (left_ == 0) state_ = State::trailer_start;
}

void BodyDecoder::expect(char c, char wanted, State next) {
  if (c != wanted) return reject(400, "a chunk does not end with CR LF");
  state_ = next;
}

/// Extensions and trailers mean nothing to us; they are bounded, and hold no line end of their own.
void BodyDecoder::overhead(char c) {
  if (!is_value_byte(c)) return reject(400, "a chunk extension or trailer holds a control character");
  if (++overhead_ > kMaxChunkOverhead) reject(400, "too many chunk extensions and trailers");
}

}  // namespace mtmsg::http
