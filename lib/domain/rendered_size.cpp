#include "domain/rendered_size.hpp"

#include <algorithm>
#include <cstddef>

namespace mtmsg {
namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr bool is_number_character(char c) noexcept {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/// Far beyond what numeric can hold, far from overflowing a sum of millions of numbers.
constexpr std::int64_t kExponentCap = 10'000'000'000;

std::int64_t read_exponent(std::string_view text) noexcept {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) break;
    value = std::min(value * 10 + (c - '0'), kExponentCap);
  }
  return negative ? -value : value;
}

/// A character of a string as jsonb writes it, when it was sent as \uXXXX.
std::uint64_t rendered_code_unit(unsigned unit) noexcept {
  if (unit < 0x20) {
    const bool has_short_form = unit == '\b' || unit == '\t' || unit == '\n' || unit == '\f' || unit == '\r';
    return has_short_form ? 2 : 6;
  }
  if (unit == '"' || unit == '\\') return 2;
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  // Half of a surrogate pair: the pair is one character of four bytes.
  if (unit >= 0xD800 && unit < 0xE000) return 2;
  return 3;
}

unsigned read_hex(std::string_view digits) noexcept {
  unsigned value = 0;
  for (const char c : digits) {
    const auto low = static_cast<unsigned char>(c | 0x20);
    value = value * 16 + (is_digit(c) ? static_cast<unsigned>(c - '0') : (low - 'a' + 10U) & 15U);
  }
  return value;
}

/// Adds up the string that begins after the quote at `at`; returns where it ends (after its closing quote).
std::size_t measure_string(std::string_view json, std::size_t at, std::uint64_t& total) noexcept {
  total += 2;
  while (at < json.size() && json[at] != '"') {
    if (json[at] != '\\') {
      ++total;
      ++at;
    } else if (at + 1 < json.size() && json[at + 1] == 'u') {
      total += rendered_code_unit(read_hex(json.substr(at + 2, 4)));
      at += 6;
    } else {
      total += at + 1 < json.size() && json[at + 1] == '/' ? 1 : 2;
      at += 2;
    }
  }
  return at + 1;
}

}  // namespace

std::uint64_t rendered_number_bytes(std::string_view number) noexcept {
  const bool negative = !number.empty() && number.front() == '-';
  if (negative) number.remove_prefix(1);
  std::int64_t before_point = 0;  // digits, once the first that is not zero has come
  std::int64_t after_point = 0;
  std::int64_t zeros_after_point = 0;  // before the first digit that is not zero
  bool point = false;
  bool nonzero = false;
  std::size_t at = 0;
  for (; at < number.size() && (is_digit(number[at]) || number[at] == '.'); ++at) {
    if (number[at] == '.') {
      point = true;
      continue;
    }
    if (point) ++after_point;
    if (number[at] != '0') nonzero = true;
    if (nonzero && !point) ++before_point;
    if (!nonzero && point) ++zeros_after_point;
  }
  const auto exponent = at < number.size() ? read_exponent(number.substr(at + 1)) : 0;
  const auto weight = before_point > 0 ? before_point : -zeros_after_point;
  const auto integer_digits = nonzero ? std::max<std::int64_t>(1, weight + exponent) : 1;
  const auto fraction_digits = std::max<std::int64_t>(0, after_point - exponent);
  return static_cast<std::uint64_t>(integer_digits + (fraction_digits > 0 ? 1 + fraction_digits : 0) +
                                    (negative && nonzero ? 1 : 0));
}

std::uint64_t rendered_bytes(std::string_view json) noexcept {
  std::uint64_t total = 0;
  std::size_t at = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = measure_string(json, at + 1, total);
    } else if (c == '-' || is_digit(c)) {
      const auto begin = at;
      while (at < json.size() && is_number_character(json[at])) ++at;
      total += rendered_number_bytes(json.substr(begin, at - begin));
    } else {
      const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
      total += blank ? 0 : (c == ',' || c == ':') ? 2 : 1;
      ++at;
    }
  }
  return total;
}

}  // namespace mtmsg
