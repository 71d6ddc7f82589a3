#include "http/framing.hpp"

#include <gtest/gtest.h>

namespace mtmsg::http {
namespace {

const RequestLimits kLimits;

std::variant<RequestHead, Rejection> head_of(std::string_view text, const RequestLimits& limits = kLimits) {
  return parse_head(text, limits);
}

RequestHead good(std::string_view text) {
  auto parsed = head_of(text);
  if (const auto* bad = std::get_if<Rejection>(&parsed)) {
    ADD_FAILURE() << text << ": " << bad->status << ' ' << bad->reason;
    return {};
  }
  return std::get<RequestHead>(parsed);
}

int refused(std::string_view text, const RequestLimits& limits = kLimits) {
  const auto parsed = head_of(text, limits);
  const auto* bad = std::get_if<Rejection>(&parsed);
  return bad ? bad->status : 0;
}

/// A head with these header lines; each ends with CR LF.
std::string with(std::string_view lines) {
  return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}

struct Decoded {
  std::string body;
  std::size_t used = 0;
  bool done = false;
  int refused = 0;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(const RequestHead& head, std::string_view raw, std::size_t first, std::size_t second,
               const RequestLimits& limits = kLimits) {
  BodyDecoder decoder(head, limits);
  Decoded result;
  const std::string_view pieces[] = {raw.substr(0, first), raw.substr(first, second - first), raw.substr(second)};
  for (const auto piece : pieces) result.used += decoder.feed(piece, result.body);
  result.done = decoder.done();
  result.refused = decoder.rejection() ? decoder.rejection()->status : 0;
  return result;
}

RequestHead chunked_head() {
  return good("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
}

/// Decodes in three pieces, cut at every two places: the outcome must not depend on how bytes arrive.
Decoded decode_in_every_way(const RequestHead& head, std::string_view raw, const RequestLimits& limits = kLimits) {
  const auto whole = decode(head, raw, 0, raw.size(), limits);
  for (std::size_t first = 0; first <= raw.size(); ++first)
    for (std::size_t second = first; second <= raw.size(); ++second) {
      const auto split = decode(head, raw, first, second, limits);
      EXPECT_EQ(split.body, whole.body) << first << ' ' << second;
      EXPECT_EQ(split.used, whole.used) << first << ' ' << second;
      EXPECT_EQ(split.done, whole.done) << first << ' ' << second;
      EXPECT_EQ(split.refused, whole.refused) << first << ' ' << second;
    }
  return whole;
}

TEST(Framing, FindsTheHeadsEndHoweverItArrives) {
  const std::string_view text = "GET / HTTP/1.1\r\nHost: h\r\n\r\nrest";
  for (std::size_t known = 0; known <= text.size() - 4; ++known) {
    EXPECT_EQ(find_head_end(text.substr(0, known), 0).has_value(), known >= 27) << known;
    if (known < 27) {
      EXPECT_EQ(find_head_end(text, known), 27U) << known;
    }
  }
}

TEST(Framing, ReadsTheRequestLineAndHeaders) {
  const auto head = good("GET /tenants?x=1 HTTP/1.1\r\nHost: example\r\nX-Empty:\r\nAccept:  a, b \t\r\n\r\n");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/tenants?x=1");
  EXPECT_FALSE(head.http_1_0);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.body, RequestHead::Body::none);
  ASSERT_EQ(head.headers.size(), 3U);
  EXPECT_EQ(head.headers[1].value, "");
  EXPECT_EQ(head.headers[2].name, "Accept");
  EXPECT_EQ(head.headers[2].value, "a, b");
}

TEST(Framing, KnowsWhetherTheConnectionIsKept) {
  EXPECT_FALSE(good(with("Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(good(with("Connection: Keep-Alive , CLOSE\r\n")).keep_alive);
  EXPECT_FALSE(good("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(good("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(Framing, ReadsTheBodysLength) {
  const auto head = good(with("content-length: 12\r\n"));
  EXPECT_EQ(head.body, RequestHead::Body::length);
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_EQ(good(with("Content-Length: 0\r\n")).body, RequestHead::Body::none);
  EXPECT_EQ(good(with("Transfer-Encoding: Chunked\r\n")).body, RequestHead::Body::chunked);
}

TEST(Framing, RefusesWhatServersDisagreeAbout) {
  // Two answers to "where does it end?" are a smuggled request.
  EXPECT_EQ(refused(with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: 3\r\nContent-Length: 3\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: 3, 3\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: +3\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: -3\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: 0x3\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length: 3 \x0b\r\n")), 400);
  EXPECT_EQ(refused(with("Content-Length:\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: gzip, chunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked, chunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: identity\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: xchunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding:\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(Framing, RefusesHeaderLinesThatAreNone) {
  EXPECT_EQ(refused(with("Content-Length : 3\r\n")), 400);
  EXPECT_EQ(refused(with(" folded: line\r\n")), 400);
  EXPECT_EQ(refused(with("\tfolded\r\n")), 400);
  EXPECT_EQ(refused(with("no colon\r\n")), 400);
  EXPECT_EQ(refused(with(": value\r\n")), 400);
  EXPECT_EQ(refused(with("A(b): c\r\n")), 400);
  EXPECT_EQ(refused(with(std::string_view("A: b\0c\r\n", 8))), 400);
  EXPECT_EQ(refused(with(std::string_view("A\0: c\r\n", 7))), 400);
  EXPECT_EQ(refused(with("A: b\nC: d\r\n")), 400);
  EXPECT_EQ(refused(with("A: b\rC: d\r\n")), 400);
  EXPECT_EQ(refused(with("A: b\r\r\n")), 400);
  EXPECT_EQ(refused(with("A: \x7f\r\n")), 400);
}

TEST(Framing, RefusesRequestLinesThatAreNone) {
  const std::string rest = "\r\nHost: h\r\n\r\n";
  EXPECT_EQ(refused("GET /" + rest), 400);
  EXPECT_EQ(refused("GET / " + rest), 400);
  EXPECT_EQ(refused("GET  HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("GET  / HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("GET /a b HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused(" GET / HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("get / HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("GET http://h/ HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("OPTIONS * HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("GET /\x80 HTTP/1.1" + rest), 400);
  EXPECT_EQ(refused("GET / http/1.1" + rest), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1 " + rest), 400);
  EXPECT_EQ(refused("GET / HTTP/2.0" + rest), 505);
  EXPECT_EQ(refused("GET / HTTP/1.2" + rest), 505);
  EXPECT_EQ(refused("VERYVERYLONGMETHOD / HTTP/1.1" + rest), 400);
}

TEST(Framing, KnowsBeforeTheHeadersEndThatNoRequestComes) {
  const auto early = [](std::string_view line, bool complete) {
    const auto bad = check_request_line(line, complete, kLimits);
    return bad ? bad->status : 0;
  };
  EXPECT_EQ(early("\x16\x03\x01", false), 400);  // TLS
  EXPECT_EQ(early("get /", false), 400);
  EXPECT_EQ(early("\rG", false), 400);
  EXPECT_EQ(early("GET /" + std::string(9000, 'x'), false), 414);
  EXPECT_EQ(early("GET /", true), 400);  // HTTP/0.9
  EXPECT_EQ(early("PRI * HTTP/2.0", true), 505);
  EXPECT_EQ(early("G", false), 0);
  EXPECT_EQ(early("GET /x HTTP/1.1", true), 0);
}

TEST(Framing, WantsOneHost) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(Framing, RefusesCompressedBodiesAndUnknownExpectations) {
  EXPECT_EQ(refused(with("Content-Encoding: gzip\r\n")), 415);
  EXPECT_EQ(refused(with("Content-Encoding: identity\r\n")), 0);
  EXPECT_EQ(refused(with("Expect: 200-ok\r\n")), 417);
  EXPECT_TRUE(good(with("Expect: 100-Continue\r\nContent-Length: 1\r\n")).expects_continue);
}

TEST(Framing, BoundsLinesHeadAndBody) {
  RequestLimits limits;
  limits.header_lines = 3;
  limits.line_bytes = 100;
  limits.head_bytes = 300;
  limits.body_bytes = 1000;
  EXPECT_EQ(refused(with("A: 1\r\nB: 2\r\n"), limits), 0);
  EXPECT_EQ(refused(with("A: 1\r\nB: 2\r\nC: 3\r\n"), limits), 431);
  EXPECT_EQ(refused(with("A: " + std::string(97, 'x') + "\r\n"), limits), 0);
  EXPECT_EQ(refused(with("A: " + std::string(98, 'x') + "\r\n"), limits), 431);
  EXPECT_EQ(refused("GET /" + std::string(100, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", limits), 414);
  const std::string line = ": " + std::string(90, 'x') + "\r\n";
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nA" + line + "B" + line + "C" + line, limits), 431);
  EXPECT_EQ(refused(with("Content-Length: 1000\r\n"), limits), 0);
  EXPECT_EQ(refused(with("Content-Length: 1001\r\n"), limits), 413);
  EXPECT_EQ(refused(with("Content-Length: 99999999999999999999999999\r\n"), limits), 413);
}

TEST(BodyDecoder, WithoutABodyTakesNothing) {
  BodyDecoder decoder;
  std::string out;
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(decoder.feed("GET", out), 0U);
}

TEST(BodyDecoder, TakesACountedBodyAndNoMore) {
  const auto head = good(with("Content-Length: 5\r\n"));
  EXPECT_EQ(decode_in_every_way(head, "helloGET / HTTP"), (Decoded{"hello", 5, true, 0}));
  EXPECT_EQ(decode_in_every_way(head, "hell"), (Decoded{"hell", 4, false, 0}));
}

TEST(BodyDecoder, TakesChunksExtensionsAndTrailersApart) {
  const std::string body = "5\r\nhello\r\n00B;ext=\"1\"\r\n, wonderful\r\n0\r\nTrailer: x\r\n\r\n";
  EXPECT_EQ(decode_in_every_way(chunked_head(), body + "GET"), (Decoded{"hello, wonderful", body.size(), true, 0}));
  EXPECT_EQ(decode_in_every_way(chunked_head(), "0\r\n\r\n"), (Decoded{"", 5, true, 0}));
  EXPECT_FALSE(decode_in_every_way(chunked_head(), "5\r\nhello\r\n0\r\n\r").done);
}

TEST(BodyDecoder, RefusesBrokenChunks) {
  const auto refusal = [](std::string_view raw) { return decode_in_every_way(chunked_head(), raw).refused; };
  EXPECT_EQ(refusal("\r\n"), 400);
  EXPECT_EQ(refusal(" 5\r\nhello\r\n"), 400);
  EXPECT_EQ(refusal("5 \r\nhello\r\n"), 400);
  EXPECT_EQ(refusal("0x5\r\nhello\r\n"), 400);
  EXPECT_EQ(refusal("-5\r\nhello\r\n"), 400);
  EXPECT_EQ(refusal("5\nhello\r\n"), 400);
  EXPECT_EQ(refusal("5\rhello\r\n"), 400);
  EXPECT_EQ(refusal("5\r\nhelloX\r\n"), 400);
  EXPECT_EQ(refusal("5\r\nhello\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal("5\r\nhello\rX"), 400);
  EXPECT_EQ(refusal("5;a\nb\r\nhello"), 400);
  EXPECT_EQ(refusal("0\r\nA: b\nC\r\n\r\n"), 400);
  EXPECT_EQ(refusal("0\r\n\n"), 400);
  EXPECT_EQ(refusal("0\r\n\rX"), 400);
  EXPECT_EQ(refusal(std::string(16, '1') + "\r\n"), 400);
  EXPECT_EQ(refusal(std::string(16, '0') + "\r\n\r\n"), 400);
}

TEST(BodyDecoder, RefusesTooMuchBeforeTakingIt) {
  RequestLimits limits;
  limits.body_bytes = 8;
  EXPECT_EQ(decode_in_every_way(chunked_head(), "5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n", limits).done, true);
  const auto over = decode_in_every_way(chunked_head(), "5\r\nhello\r\n4\r\nabcd", limits);
  EXPECT_EQ(over.refused, 413);
  EXPECT_EQ(over.body, "hello");
  EXPECT_EQ(decode(chunked_head(), "FFFFFFFFFFFFFFF\r\n", 0, 0, limits).refused, 413);
}

TEST(BodyDecoder, BoundsExtensionsAndTrailers) {
  EXPECT_EQ(decode(chunked_head(), "1;" + std::string(5000, 'x'), 0, 0).refused, 400);
  std::string many;
  for (int chunk = 0; chunk < 100; ++chunk) many += "1;" + std::string(50, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(chunked_head(), many, 0, 0).refused, 400);
  EXPECT_EQ(decode(chunked_head(), "0\r\nT: " + std::string(5000, 'x'), 0, 0).refused, 400);
}

TEST(BodyDecoder, TakesAnyCutOfRandomBytesTheSameWay) {
  // A tiny generator: the same bytes on every machine.
  std::uint32_t state = 12345;
  const std::string_view alphabet = "0123aAfF;\r\n\r\n \t:x";
  for (int round = 0; round < 300; ++round) {
    std::string raw;
    for (int i = 0; i < 24; ++i) {
      state = state * 1664525U + 1013904223U;
      raw += alphabet[(state >> 16U) % alphabet.size()];
    }
    decode_in_every_way(chunked_head(), raw);
  }
}

}  // namespace
}  // namespace mtmsg::http
