#include "wire/json_text.hpp"

#include <charconv>
#include <set>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

namespace mtmsg::wire {
namespace {

namespace json = boost::json;

/// Accepts everything and keeps nothing: the parser is only asked whether the text is JSON.
struct Accept {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using Code = json::error_code;
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t, Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, Code&) { return true; }
  bool on_key(json::string_view, std::size_t, Code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, Code&) { return true; }
  bool on_string(json::string_view, std::size_t, Code&) { return true; }
  bool on_number_part(json::string_view, Code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, Code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, Code&) { return true; }
  bool on_double(double, json::string_view, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(json::string_view, Code&) { return true; }
  bool on_comment(json::string_view, Code&) { return true; }
};

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over text that check_json has passed, so it only has to know where things end.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { skip_blanks(); }

  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  void advance() {
    ++at_;
    skip_blanks();
  }

  std::string_view take_value() {
    const auto begin = at_;
    switch (peek()) {
      case '"':
        skip_string();
        break;
      case '{':
      case '[':
        skip_nested();
        break;
      default:
        while (at_ < text_.size() && !is_blank(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' &&
               text_[at_] != ']')
          ++at_;
    }
    const auto raw = text_.substr(begin, at_ - begin);
    skip_blanks();
    return raw;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  void skip_nested() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Scanner> open(std::string_view text, char bracket, std::string_view what) {
  if (auto checked = check_json(text); !checked) return Error(checked.error()).with_context(what);
  Scanner scanner(text);
  if (scanner.peek() != bracket)
    return fail(ErrorCode::invalid_argument,
                std::string(what) + ": a JSON " + (bracket == '{' ? "object" : "array") + " is needed");
  scanner.advance();
  return scanner;
}

/// Length of the well-formed UTF-8 sequence at `at` (RFC 3629: no overlong forms, no surrogates), 0 when there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = lead == 0xE0 ? byte(1) >= 0xA0 : lead != 0xED || byte(1) <= 0x9F;
    return tail(1) && second && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = lead == 0xF0 ? byte(1) >= 0x90 : lead != 0xF4 || byte(1) <= 0x8F;
    return tail(1) && second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

Result<void> check_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::basic_parser<Accept> parser(options);
  json::error_code ec;
  auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size()) ec = json::make_error_code(json::error::extra_data);
  if (ec)
    return fail(ErrorCode::invalid_argument,
                "not valid JSON at byte " + std::to_string(used) + " (" + ec.message() + ")");
  return {};
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto length = utf8_length(text, at);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      out.append(text, at, length);
    }
    at += length;
  }
  out += '"';
}

Result<std::vector<RawMember>> split_object(std::string_view text, std::string_view what) {
  auto opened = open(text, '{', what);
  if (!opened) return opened.error();
  auto& scanner = *opened;
  std::vector<RawMember> members;
  std::set<std::string, std::less<>> seen;
  while (scanner.peek() != '}') {
    auto key = decode_json_string(scanner.take_value()).value_or("");
    if (!seen.insert(key).second)
      return fail(ErrorCode::invalid_argument,
                  std::string(what) + ": field \"" + key.substr(0, 64) + "\" is there twice");
    scanner.advance();  // over the colon
    members.push_back({std::move(key), scanner.take_value()});
    if (scanner.peek() == ',') scanner.advance();
  }
  return members;
}

Result<std::vector<std::string_view>> split_array(std::string_view text, std::string_view what) {
  auto opened = open(text, '[', what);
  if (!opened) return opened.error();
  auto& scanner = *opened;
  std::vector<std::string_view> elements;
  while (scanner.peek() != ']') {
    elements.push_back(scanner.take_value());
    if (scanner.peek() == ',') scanner.advance();
  }
  return elements;
}

std::optional<std::string> decode_json_string(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"') return std::nullopt;
  const auto inside = raw.substr(1, raw.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return std::string(inside);
  json::error_code ec;
  const auto value = json::parse(json::string_view(raw.data(), raw.size()), ec);
  if (ec || !value.is_string()) return std::nullopt;
  const auto& text = value.get_string();
  return std::string(text.data(), text.size());
}

ObjectWriter& ObjectWriter::text(std::string_view key, std::string_view value_text) {
  append_json_string(value(key), value_text);
  return *this;
}

ObjectWriter& ObjectWriter::decimal(std::string_view key, double value) {
  char text[400];
  const auto [end, ec] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 1);
  return raw(key, ec == std::errc{} ? std::string_view(text, end) : "0");
}

ObjectWriter& ObjectWriter::flag(std::string_view key, bool value_flag) {
  return raw(key, value_flag ? "true" : "false");
}

ObjectWriter& ObjectWriter::raw(std::string_view key, std::string_view json_text) {
  value(key) += json_text;
  return *this;
}

std::string& ObjectWriter::value(std::string_view key) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_string(out_, key);
  out_ += ':';
  return out_;
}

}  // namespace mtmsg::wire
