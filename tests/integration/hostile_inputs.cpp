#include "tests/integration/hostile_inputs.hpp"

#include <string_view>

namespace mtmsg::test {
namespace {

using namespace std::string_literals;

constexpr const char* kInvalid = "invalid_argument";

class Table {
 public:
  /// Refused for its framing: the connection ends.
  void framing(std::string name, std::string bytes, int status = 400, std::string code = kInvalid) {
    rows.push_back({std::move(name), std::move(bytes), status, std::move(code), true});
  }
  /// A POST with these header lines after Host.
  void headers(std::string name, const std::string& lines, int status = 400, std::string code = kInvalid) {
    framing(std::move(name), "POST /tenants HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n", status, std::move(code));
  }
  /// A chunked body.
  void chunks(std::string name, const std::string& body, int status = 400, std::string code = kInvalid) {
    headers(std::move(name), "Transfer-Encoding: chunked\r\n\r\n" + body, status, std::move(code));
  }
  /// A request that is one, for something that is refused: the connection goes on.
  void request(std::string name, const std::string& method, const std::string& target, int status = 400,
               std::string code = kInvalid, const std::string& lines = {}) {
    rows.push_back({std::move(name), method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n",
                    status, std::move(code), false});
  }
  void get(std::string name, const std::string& target, int status = 400, std::string code = kInvalid) {
    request(std::move(name), "GET", target, status, std::move(code));
  }
  void body(std::string name, const std::string& method, const std::string& target, const std::string& text,
            int status = 400, std::string code = kInvalid, const std::string& lines = {}) {
    rows.push_back({std::move(name),
                    method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + lines +
                        "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text,
                    status, std::move(code), false});
  }
  void tenant(std::string name, const std::string& text, int status = 400, std::string code = kInvalid) {
    body(std::move(name), "POST", "/tenants", text, status, std::move(code));
  }
  void message(std::string name, const std::string& text, int status = 400, std::string code = kInvalid) {
    body(std::move(name), "POST", "/tenants/acme/messages", text, status, std::move(code));
  }

  std::vector<HostileInput> rows;
};

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  while (count-- > 0) out += text;
  return out;
}

void add_lines(Table& t) {
  const auto host = "Host: localhost\r\n"s;
  t.framing("lines end with LF alone", "GET / HTTP/1.1\nHost: h\n\n");
  t.framing("one line ends with LF alone", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n");
  t.framing("CR alone inside a header", "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n");
  t.framing("NUL in a header", "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n"s);
  t.framing("NUL in the request line", "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"s);
  t.framing("control character in a header", "GET / HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n");
  t.framing("blank before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n");
  t.framing("folded header", "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n");
  t.framing("first header line is folded", "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n");
  t.framing("header without a colon", "GET / HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n");
  t.framing("header without a name", "GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n");
  t.framing("no Host", "GET / HTTP/1.1\r\n\r\n");
  t.framing("two Hosts", "GET / HTTP/1.1\r\n" + host + "Host: other\r\n\r\n");
  t.framing("HTTP/0.9", "GET /\r\n");
  t.framing("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  t.framing("HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505);
  t.framing("http/1.1 in small letters", "GET / http/1.1\r\n" + host + "\r\n");
  t.framing("TLS on the plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s);
  t.framing("SSH", "SSH-2.0-client\r\n");
  t.framing("SMTP", "EHLO there\r\n");
  t.framing("bytes above ASCII", repeated("\xff\xfe", 100));
  t.framing("method in small letters", "get / HTTP/1.1\r\n" + host + "\r\n");
  t.framing("very long method", repeated("A", 100) + " / HTTP/1.1\r\n" + host + "\r\n");
  t.framing("absolute-form target", "GET http://other/tenants HTTP/1.1\r\n" + host + "\r\n");
  t.framing("authority-form target", "CONNECT other:443 HTTP/1.1\r\n" + host + "\r\n");
  t.framing("asterisk-form target", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n");
  t.framing("blank in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n");
  t.framing("tab instead of a blank", "GET\t/ HTTP/1.1\r\n" + host + "\r\n");
  t.framing("byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" + host + "\r\n");
  t.framing("nothing but empty lines", repeated("\r\n", 1000));
  t.framing("address of 9,000 bytes", "GET /" + repeated("a", 9000) + " HTTP/1.1\r\n" + host + "\r\n", 414,
            "too_large");
  t.framing("address that never ends", "GET /" + repeated("a", 9000), 414, "too_large");
  t.framing("header of 9,000 bytes", "GET / HTTP/1.1\r\n" + host + "X: " + repeated("a", 9000) + "\r\n\r\n", 431,
            "too_large");
  t.framing("headers of 20 KB",
            "GET / HTTP/1.1\r\n" + host + repeated("X: " + repeated("a", 1000) + "\r\n", 20) + "\r\n", 431,
            "too_large");
  t.framing("101 headers", "GET / HTTP/1.1\r\n" + host + repeated("A: b\r\n", 100) + "\r\n", 431, "too_large");
  t.framing("10,000 empty headers", "GET / HTTP/1.1\r\n" + host + repeated("a:\r\n", 10'000) + "\r\n", 431,
            "too_large");
  t.framing("a head that does not end", "GET / HTTP/1.1\r\nHo", 408, "request_timeout");
}

/// A browser on this machine, steered by somebody else's page: the daemon of this test asks for no token.
void add_pages(Table& t) {
  t.rows.push_back({"a page under a name that was pointed here",
                    "POST /tenants/acme/pause HTTP/1.1\r\nHost: rebound.example:8080\r\n\r\n", 403, "forbidden",
                    false});
  t.request("a form of another origin", "POST", "/tenants/acme/pause", 403, "forbidden",
            "Origin: https://other.example\r\n");
  t.request("a form that hides its origin", "POST", "/tenants/acme/pause", 403, "forbidden", "Origin: null\r\n");
}

void add_lengths(Table& t) {
  const auto length = [](const std::string& value) { return "Content-Length: " + value + "\r\n"; };
  const auto chunked = "Transfer-Encoding: chunked\r\n"s;
  t.headers("Content-Length and Transfer-Encoding", length("5") + chunked);
  t.headers("Transfer-Encoding and Content-Length", chunked + length("5"));
  t.headers("two different lengths", length("5") + length("6"));
  t.headers("the same length twice", length("5") + length("5"));
  t.headers("list of lengths", length("5, 5"));
  t.headers("length with a plus", length("+5"));
  t.headers("negative length", length("-5"));
  t.headers("hexadecimal length", length("0x5"));
  t.headers("length with a blank inside", length("5 5"));
  t.headers("empty length", length(""));
  t.headers("length of 30 digits", length(repeated("9", 30)), 413, "too_large");
  t.headers("length of an exbibyte", length("1152921504606846976"), 413, "too_large");
  t.headers("length one above the limit", length("16777217"), 413, "too_large");
  t.headers("Transfer-Encoding identity", "Transfer-Encoding: identity\r\n");
  t.headers("Transfer-Encoding gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n");
  t.headers("Transfer-Encoding chunked, identity", "Transfer-Encoding: chunked, identity\r\n");
  t.headers("Transfer-Encoding twice", chunked + chunked);
  t.headers("Transfer-Encoding xchunked", "Transfer-Encoding: xchunked\r\n");
  t.headers("Transfer-Encoding behind a vertical tab", "Transfer-Encoding: \vchunked\r\n");
  t.headers("Transfer-Encoding in quotes", "Transfer-Encoding: \"chunked\"\r\n");
  t.headers("blank between Transfer-Encoding and the colon", "Transfer-Encoding : chunked\r\n" + length("5"));
  t.framing("Transfer-Encoding in HTTP/1.0", "POST /tenants HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n");
  t.headers("compressed body", "Content-Encoding: gzip\r\n" + length("5"), 415, "unsupported_media_type");
  t.headers("unknown expectation", "Expect: the-unexpected\r\n", 417);
  t.headers("a body that does not end", length("50") + "\r\n{\"na", 408, "request_timeout");
}

void add_chunks(Table& t) {
  t.chunks("negative chunk size", "-5\r\nhello\r\n0\r\n\r\n");
  t.chunks("chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n");
  t.chunks("chunk without a size", "\r\nhello\r\n0\r\n\r\n");
  t.chunks("chunk size of 16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n");
  t.chunks("chunk size past 64 bits", "ffffffffffffffffff\r\n");
  t.chunks("chunk size with a blank", "5 \r\nhello\r\n0\r\n\r\n");
  t.chunks("chunk size before LF alone", "5\nhello\r\n0\r\n\r\n");
  t.chunks("chunk longer than its size", "5\r\nhello!\r\n0\r\n\r\n");
  t.chunks("chunk ends with LF alone", "5\r\nhello\n0\r\n\r\n");
  t.chunks("chunk extension of 5,000 bytes", "5;" + repeated("x", 5000) + "\r\nhello\r\n0\r\n\r\n");
  t.chunks("LF alone in a chunk extension", "5;a\nb\r\nhello\r\n0\r\n\r\n");
  t.chunks("NUL in a chunk extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"s);
  t.chunks("trailers of 5,000 bytes", "0\r\nX: " + repeated("x", 5000) + "\r\n\r\n");
  t.chunks("a chunk above the limit", "1000001\r\n", 413, "too_large");
  t.chunks("a chunked body that does not end", "5\r\nhel", 408, "request_timeout");
}

void add_addresses(Table& t) {
  t.get("percent sign at the end", "/tenants/%");
  t.get("percent-encoding cut short", "/tenants/%4");
  t.get("percent-encoding of no hexadecimal digits", "/tenants/%zz");
  t.get("encoded NUL", "/tenants/a%00b");
  t.get("encoded line end", "/tenants/a%0d%0aSet-Cookie:%20x");
  t.get("overlong UTF-8", "/tenants/%c0%af");
  t.get("surrogate in UTF-8", "/tenants/%ed%a0%80");
  t.get("byte that is no UTF-8", "/tenants/%ff");
  t.get("fragment", "/tenants/acme#x");
  t.get("empty segment", "//tenants");
  t.get("dots", "/tenants/../../etc/passwd");
  t.get("encoded dots", "/tenants/%2e%2e/%2e%2e/etc/passwd");
  t.get("hundred segments", repeated("/a", 100));
  t.get("parameter twice", "/tenants/acme/messages?limit=1&limit=2");
  t.get("parameter twice, once encoded", "/tenants/acme/messages?limit=1&%6cimit=2");
  t.get("hundred parameters", "/tenants/acme/messages?" + repeated("a=b&", 17) + repeated("b=c&", 83));
  t.get("unknown parameter", "/tenants/acme/messages?offset=5");
  t.get("nothing there", "/admin.php", 404, "not_found");
  t.get("tenant that does not exist", "/tenants/nobody", 404, "not_found");
  t.get("tenant named like SQL", "/tenants/'%20or%201=1%20--", 404, "not_found");
  t.get("tenant name of 4,000 bytes", "/tenants/" + repeated("a", 4000), 404, "not_found");
  t.get("limit of nothing", "/tenants/acme/messages?limit=0");
  t.get("limit above the most", "/tenants/acme/messages?limit=1001");
  t.get("negative cursor", "/tenants/acme/messages?cursor=-1");
  t.get("cursor past 63 bits", "/tenants/acme/messages?cursor=9223372036854775808");
  t.get("cursor of all tenants that is none", "/messages?cursor=acme:5");
  t.get("time that is none", "/tenants/acme/messages?since=yesterday");
  t.get("month 13", "/tenants/acme/messages?since=2026-13-01T00:00:00Z");
  t.get("message id that is none", "/tenants/acme/messages/5", 404, "not_found");
  t.get("dead letter 0", "/tenants/acme/dead-letters/0", 404, "not_found");
  t.get("dead letter past 63 bits", "/tenants/acme/dead-letters/9223372036854775808", 404, "not_found");
  t.request("TRACE", "TRACE", "/tenants", 405, "method_not_allowed");
  t.request("CONNECT with a path", "CONNECT", "/tenants", 405, "method_not_allowed");
  t.request("method nobody knows", "BREW", "/tenants", 405, "method_not_allowed");
  t.request("DELETE of everything", "DELETE", "/tenants", 405, "method_not_allowed");
  t.request("upgrade to a web socket", "GET", "/chat", 404, "not_found",
            "Upgrade: websocket\r\nConnection: Upgrade\r\n");
  t.request("upgrade to HTTP/2", "GET", "/chat", 404, "not_found",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n");
}

void add_documents(Table& t) {
  t.tenant("no body", "");
  t.tenant("byte order mark", "\xef\xbb\xbf{\"name\":\"x\"}");
  t.tenant("garbage behind the JSON", "{\"name\":\"x\"} x");
  t.tenant("two documents", "{\"name\":\"x\"}{\"name\":\"y\"}");
  t.tenant("comment in JSON", "{\"name\":\"x\"/* y */}");
  t.tenant("trailing comma", "{\"name\":\"x\",}");
  t.tenant("JSON in single quotes", "{'name':'x'}");
  t.tenant("field twice", "{\"name\":\"x\",\"name\":\"y\"}");
  t.tenant("field twice, once escaped", "{\"name\":\"x\",\"n\\u0061me\":\"y\"}");
  t.tenant("unknown field", "{\"name\":\"x\",\"role\":\"admin\"}");
  t.tenant("field of another type", "{\"name\":\"x\",\"workers\":\"3\"}");
  t.tenant("number with a fraction", "{\"name\":\"x\",\"workers\":1.5}");
  t.tenant("negative number", "{\"name\":\"x\",\"workers\":-1}");
  t.tenant("number past 64 bits", "{\"name\":\"x\",\"workers\":99999999999999999999}");
  t.tenant("number past a double", "{\"name\":\"x\",\"workers\":1e999}");
  t.tenant("NaN", "{\"name\":\"x\",\"workers\":NaN}");
  t.tenant("null for a number", "{\"name\":\"x\",\"workers\":null}");
  t.tenant("array instead of an object", "[]");
  t.tenant("number instead of an object", "5");
  t.tenant("escaped NUL in a name", "{\"name\":\"a\\u0000b\"}");
  t.tenant("NUL in JSON", "{\"name\":\"a\0b\"}"s);
  t.tenant("bad UTF-8 in JSON", "{\"name\":\"\xc3\x28\"}");
  t.tenant("lone surrogate", "{\"name\":\"\\ud800\"}");
  t.tenant("30,000 arrays in each other", "{\"name\":" + repeated("[", 30'000));
  t.tenant("5,000 objects in each other", repeated("{\"a\":", 5'000) + "1" + repeated("}", 5'000));
  t.tenant("empty name", "{\"name\":\"\"}");
  t.tenant("name in capitals", "{\"name\":\"ACME\"}");
  t.tenant("name of 64 letters", "{\"name\":\"" + repeated("a", 64) + "\"}");
  t.tenant("name like an id", "{\"name\":\"018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f\"}");
  t.tenant("name with a path", "{\"name\":\"../x\"}");
  t.tenant("unknown limit", "{\"name\":\"x\",\"limits\":{\"everything\":1}}");
  t.tenant("name that is taken", "{\"name\":\"acme\"}", 409, "conflict");
  t.tenant("document of 65 KB", "{\"name\":\"" + repeated("a", 66'000) + "\"}", 413, "too_large");
  t.body("no JSON by its Content-Type", "POST", "/tenants", "name=x", 415, "unsupported_media_type",
         "Content-Type: application/x-www-form-urlencoded\r\n");
  t.body("form that a web page may send", "POST", "/tenants", "{\"name\":\"x\"}", 415, "unsupported_media_type",
         "Content-Type: text/plain\r\n");
  t.body("empty Idempotency-Key", "POST", "/tenants", "{\"name\":\"x\"}", 400, kInvalid, "Idempotency-Key:\r\n");
  t.body("Idempotency-Key twice", "POST", "/tenants", "{\"name\":\"x\"}", 400, kInvalid,
         "Idempotency-Key: a\r\nIdempotency-Key: b\r\n");
  t.body("change of what is fixed", "PATCH", "/tenants/acme", "{\"name\":\"other\"}", 409, "immutable");
  t.body("change of nothing", "PATCH", "/tenants/acme", "{}");
  t.body("no workers", "PUT", "/tenants/acme/config/concurrency", "{\"workers\":0}");
  t.body("a million workers", "PUT", "/tenants/acme/config/concurrency", "{\"workers\":1000000}");
  t.body("migration that does not exist", "POST", "/migrations", "{\"to\":-1}");
  t.body("dead letters by words", "POST", "/tenants/acme/dead-letters/replay", "{\"seqs\":[\"one\"]}");
}

void add_messages(Table& t) {
  t.message("message without a payload", "{\"id\":\"x\"}");
  t.message("message with an empty id", "{\"id\":\"\",\"payload\":1}");
  t.message("message with a number as id", "{\"id\":5,\"payload\":1}");
  t.message("message id of 300 bytes", "{\"id\":\"" + repeated("a", 300) + "\",\"payload\":1}");
  t.message("message with an unknown field", "{\"payload\":1,\"tenant\":\"other\"}");
  t.message("payload of 20,000 arrays in each other",
            "{\"payload\":" + repeated("[", 20'000) + repeated("]", 20'000) + "}");
  t.message("payload that unfolds to a gigabyte", "{\"payload\":[" + repeated("1e131071,", 10'000) + "1]}", 413,
            "too_large");
  t.message("payload of 2 MiB", "{\"payload\":\"" + repeated("a", 2U << 20U) + "\"}", 413, "too_large");
  t.rows.back().closes = true;  // what nobody wants is not read
  t.body("message in XML", "POST", "/tenants/acme/messages", "<x/>", 415, "unsupported_media_type",
         "Content-Type: application/xml\r\n");
}

}  // namespace

std::vector<HostileInput> hostile_inputs() {
  Table table;
  add_lines(table);
  add_pages(table);
  add_lengths(table);
  add_chunks(table);
  add_addresses(table);
  add_documents(table);
  add_messages(table);
  return std::move(table.rows);
}

}  // namespace mtmsg::test
