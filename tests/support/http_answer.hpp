#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

/// The answer to a request, read as strictly as a client may.
namespace mtmsg::test {

struct HttpAnswer {
  int status = 0;           ///< 0: not the beginning of an answer (yet)
  bool well_formed = true;  ///< so far
  bool complete = false;    ///< with all of its body
  std::size_t bytes = 0;    ///< of it, when it is complete
  bool closes = false;      ///< Connection: close
  std::string content_type;
  std::string body;  ///< chunks as they came

  /// Of a problem; "" of anything else.
  std::string code() const {
    constexpr std::string_view kKey = "\"code\":\"";
    const auto at = body.rfind(kKey);
    if (at == std::string::npos) return {};
    const auto begin = at + kKey.size();
    return body.substr(begin, body.find('"', begin) - begin);
  }
};

inline bool take_header(HttpAnswer& answer, std::string_view line, std::optional<std::size_t>& length, bool& chunked) {
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos || colon == 0) return line.ends_with(':');
  const auto name = line.substr(0, colon);
  const auto value = line.substr(colon + 2);
  if (name == "Content-Type") answer.content_type = value;
  if (name == "Connection" && value == "close") answer.closes = true;
  if (name == "Transfer-Encoding") chunked = value == "chunked";
  if (name != "Content-Length") return true;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length.emplace());
  return error == std::errc() && end == value.data() + value.size();
}

/// The first answer in `text`, which may go on.
inline HttpAnswer parse_answer(std::string_view text) {
  HttpAnswer answer;
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  answer.well_formed = text.substr(0, kVersion.size()) == kVersion.substr(0, text.size());
  const auto end = text.find("\r\n\r\n");
  if (!answer.well_formed || end == std::string_view::npos) return answer;
  const auto* digits = text.data() + kVersion.size();
  const auto [stopped, error] = std::from_chars(digits, digits + 3, answer.status);
  answer.well_formed = error == std::errc() && stopped == digits + 3 && text[kVersion.size() + 3] == ' ';
  auto head = text.substr(0, end);
  head.remove_prefix(std::min(head.size(), head.find("\r\n")));
  std::optional<std::size_t> length;
  bool chunked = false;
  while (answer.well_formed && !head.empty()) {
    head.remove_prefix(2);
    const auto line = head.substr(0, head.find("\r\n"));
    answer.well_formed = take_header(answer, line, length, chunked);
    head.remove_prefix(line.size());
  }
  const auto rest = text.substr(end + 4);
  if (chunked) {
    const auto last = rest.starts_with("0\r\n\r\n") ? 0 : rest.find("\r\n0\r\n\r\n");
    answer.complete = last != std::string_view::npos;
    answer.body = rest.substr(0, last);
    answer.bytes = answer.complete ? end + 4 + last + (last == 0 ? 5 : 7) : 0;
  } else if (!length && answer.status >= 200 && answer.status != 204 && answer.status != 304) {
    answer.complete = true;  // as far as one can tell: it ends with the connection
    answer.body = rest;
    answer.bytes = text.size();
  } else {
    const auto size = length.value_or(0);
    answer.complete = rest.size() >= size;
    answer.body = rest.substr(0, size);
    answer.bytes = answer.complete ? end + 4 + size : 0;
  }
  return answer;
}

}  // namespace mtmsg::test
