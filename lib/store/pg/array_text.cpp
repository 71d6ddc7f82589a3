#include "store/pg/array_text.hpp"

namespace mtmsg::store::pg {
namespace {

constexpr char kHex[] = "0123456789abcdef";

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

/// Length of the well-formed UTF-8 character at the start (RFC 3629), 0 when there is none.
std::size_t character_length(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  const unsigned second = byte_at(text, 1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool beyond = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

}  // namespace

void ArrayText::item(std::string_view text) {
  text_ += text_.empty() ? '{' : ',';
  text_ += text;
}

void ArrayText::add_text(std::string_view text) {
  item("\"");
  for (const char c : text) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
}

void ArrayText::add_bytes(std::string_view bytes) {
  item("\\\\x");
  // A doubling of what is large already would be as much again.
  if (const auto needed = text_.size() + 2 * bytes.size() + 1; needed > text_.capacity()) text_.reserve(needed);
  for (const char c : bytes) {
    text_ += kHex[static_cast<unsigned char>(c) >> 4];
    text_ += kHex[static_cast<unsigned char>(c) & 15];
  }
}

std::string ArrayText::take() {
  std::string done = std::move(text_);
  text_.clear();
  if (done.empty()) done += '{';
  done += '}';
  return done;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const auto length = character_length(text);
    if (out.size() + std::max<std::size_t>(1, length) > max_bytes) break;
    if (length == 0)
      out += '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return out;
}

}  // namespace mtmsg::store::pg
