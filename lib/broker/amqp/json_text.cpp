#include "broker/amqp/json_text.hpp"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/base64.hpp"

namespace mtmsg::broker::amqp {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) noexcept {
  return static_cast<unsigned char>(text[at]);
}

/// The length of the well-formed sequence at `at` that is not ASCII; 0 when there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const unsigned char lead = byte_at(text, at);
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() - at < length) return 0;
  if (byte_at(text, at + 1) < low || byte_at(text, at + 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte_at(text, at + i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

void append_escaped(std::string& json, char c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  json += '\\';
  switch (c) {
    case '"':
    case '\\':
      json += c;
      return;
    case '\n':
      json += 'n';
      return;
    case '\t':
      json += 't';
      return;
    default:
      json += "u00";
      json += kDigits[static_cast<unsigned char>(c) >> 4];
      json += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

void append_quoted(std::string& json, std::string_view text) {
  json += '"';
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (byte_at(text, at) >= 0x20 && text[at] != '"' && text[at] != '\\') continue;
    json.append(text, start, at - start);
    append_escaped(json, text[at]);
    start = at + 1;
  }
  json.append(text, start);
  json += '"';
}

template <class Number>
void append_chars(std::string& json, Number value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  json.append(text, end);
}

template <class Float>
void append_float(std::string& json, Float value) {
  if (std::isnan(value)) {
    json += "\"NaN\"";
  } else if (std::isinf(value)) {
    json += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    append_chars(json, value);
  }
}

void append_padded(std::string& json, unsigned value, unsigned width) {
  char text[8];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  for (auto digits = static_cast<unsigned>(end - text); digits < width; ++digits) json += '0';
  json.append(text, end);
}

}  // namespace

bool is_storable_text(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    while (text.size() - at >= sizeof word) {
      std::memcpy(&word, text.data() + at, sizeof word);
      constexpr std::uint64_t kHigh = 0x8080808080808080ULL;
      // Any byte that is not ASCII, or (the classic test) zero.
      if ((word & kHigh) != 0 || ((word - 0x0101010101010101ULL) & ~word & kHigh) != 0) break;
      at += sizeof word;
    }
    if (at == text.size()) return true;
    const unsigned char c = byte_at(text, at);
    if (c == 0) return false;
    const std::size_t length = c < 0x80 ? 1 : sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

void append_text(std::string& json, std::string_view text) {
  if (is_storable_text(text)) {
    append_quoted(json, text);
  } else {
    append_binary(json, text);
  }
}

void append_binary(std::string& json, std::string_view bytes) {
  json += "{\"base64\":\"";
  append_base64(json, bytes);
  json += "\"}";
}

void append_key(std::string& json, std::string_view key) {
  if (is_storable_text(key)) {
    append_quoted(json, key);
    return;
  }
  json += "\"base64:";
  append_base64(json, key);
  json += '"';
}

void append_number(std::string& json, double value) {
  append_float(json, value);
}

void append_number(std::string& json, float value) {
  append_float(json, value);
}

void append_number(std::string& json, std::int64_t value) {
  append_chars(json, value);
}

void append_number(std::string& json, std::uint64_t value) {
  append_chars(json, value);
}

void append_decimal(std::string& json, std::int64_t value, unsigned decimals) {
  char text[32];
  const bool negative = value < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  const std::string_view digits(
      text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, magnitude).ptr - text));
  if (negative) json += '-';
  if (digits.size() > decimals) {
    json.append(digits.substr(0, digits.size() - decimals));
  } else {
    json += '0';
  }
  if (decimals == 0) return;
  json += '.';
  if (digits.size() < decimals) json.append(decimals - digits.size(), '0');
  json.append(digits.size() > decimals ? digits.substr(digits.size() - decimals) : digits);
}

void append_timestamp(std::string& json, std::uint64_t seconds) {
  constexpr std::uint64_t kEndOf9999 = 253'402'300'799;
  if (seconds > kEndOf9999) {
    append_number(json, seconds);
    return;
  }
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds(static_cast<std::int64_t>(seconds))};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  json += '"';
  append_padded(json, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  json += '-';
  append_padded(json, static_cast<unsigned>(date.month()), 2);
  json += '-';
  append_padded(json, static_cast<unsigned>(date.day()), 2);
  json += 'T';
  append_padded(json, static_cast<unsigned>(clock.hours().count()), 2);
  json += ':';
  append_padded(json, static_cast<unsigned>(clock.minutes().count()), 2);
  json += ':';
  append_padded(json, static_cast<unsigned>(clock.seconds().count()), 2);
  json += "Z\"";
}

}  // namespace mtmsg::broker::amqp
