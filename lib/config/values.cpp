#include "config/values.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>

#include <arpa/inet.h>

namespace mtmsg::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: the first that divides a value is the one to show it in.
constexpr Unit kTimes[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr Unit kSizes[] = {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}};

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) noexcept {
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  const auto number = parse_number(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const auto& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / unit.factor;
    return *number <= most ? std::optional(*number * unit.factor) : std::nullopt;
  }
  return std::nullopt;
}

/// "NUMBER UNIT" with the largest unit that divides it.
std::optional<std::string> format_with_unit(std::uint64_t value, std::span<const Unit> units) {
  for (const auto& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return std::nullopt;
}

/// Replaces what follows each `key=` whose key ends in "password", up to one of `ends`.
std::string mask_pairs(std::string text, std::string_view ends) {
  constexpr std::string_view kKey = "password";
  for (std::size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    auto value = text.find_first_not_of(' ', at + kKey.size());
    if (value == std::string::npos || text[value] != '=') continue;
    value = text.find_first_not_of(' ', value + 1);
    if (value == std::string::npos) break;
    auto end = value;
    if (text[value] == '\'') {
      // A quoted value of libpq's; a backslash takes the next character with it.
      for (++end; end < text.size() && text[end] != '\''; ++end) {
        if (text[end] == '\\') ++end;
      }
      ++end;
    } else {
      while (end < text.size() && ends.find(text[end]) == std::string_view::npos) {
        end += text[end] == '\\' ? 2U : 1U;
      }
    }
    text.replace(value, std::min(end, text.size()) - value, "***");
  }
  return text;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  const auto value = parse_with_unit(text, kTimes);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

std::string format_duration(std::chrono::milliseconds duration) {
  return format_with_unit(static_cast<std::uint64_t>(duration.count()), kTimes).value_or("0s");
}

std::optional<Bytes> parse_bytes(std::string_view text) noexcept {
  if (const auto plain = parse_number(text)) return Bytes{*plain};
  if (const auto value = parse_with_unit(text, kSizes)) return Bytes{*value};
  return std::nullopt;
}

std::string format_bytes(Bytes bytes) {
  return format_with_unit(bytes.value, kSizes).value_or(std::to_string(bytes.value));
}

std::optional<FileMode> parse_mode(std::string_view text) noexcept {
  unsigned value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '7') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc{} || end != text.data() + text.size() || value > 0777) return std::nullopt;
  return FileMode{value};
}

std::string format_mode(FileMode mode) {
  std::string text = "0";
  for (const unsigned shift : {6U, 3U, 0U}) text += static_cast<char>('0' + ((mode.value >> shift) & 7U));
  return text;
}

bool ListenAddress::loopback() const {
  if (host == "localhost") return true;
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

std::optional<ListenAddress> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const auto port = parse_number(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
    in6_addr six{};
    if (inet_pton(AF_INET6, std::string(host).c_str(), &six) != 1) return std::nullopt;
  } else if (host.find_first_of(":[] \t/@") != std::string_view::npos) {
    return std::nullopt;
  }
  return ListenAddress{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string mask_secrets(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return mask_pairs(std::string(url), " \t\n");
  std::string text(url);
  const auto begin = scheme + 3;
  // A password that should have been percent-encoded may hold any character, so everything up to the last @ counts.
  const auto at = text.rfind('@');
  const auto colon = text.find(':', begin);
  if (at != std::string::npos && colon != std::string::npos && colon < at) {
    text.replace(colon + 1, at - colon - 1, "***");
  }
  return mask_pairs(std::move(text), "&");
}

}  // namespace mtmsg::config
