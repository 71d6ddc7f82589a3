#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "core/result.hpp"

/// How values are written in the configuration. Pure; every parse takes the whole text or gives nullopt.
namespace mtmsg::config {

/// A decimal number without sign.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

/// "30s", "500ms", "10m", "1h": a whole number and its unit, no blanks.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// The largest unit that needs no fraction.
std::string format_duration(std::chrono::milliseconds duration);

/// "1MiB", "512KiB", "2GiB", or plain bytes: "100".
std::optional<Bytes> parse_bytes(std::string_view text) noexcept;
/// The largest unit that needs no fraction; bytes without a unit.
std::string format_bytes(Bytes bytes);

/// Octal, such as "0660"; at most 0777.
std::optional<FileMode> parse_mode(std::string_view text) noexcept;
std::string format_mode(FileMode mode);

/// HOST:PORT, or [IPV6]:PORT.
struct ListenAddress {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  /// 127.0.0.0/8, ::1 or localhost: only this machine reaches it.
  bool loopback() const;
};
std::optional<ListenAddress> parse_listen(std::string_view text);

/// Web origins as a browser writes them ("https://app.example.org:8443": lower case, no path), with blanks or commas
/// between them, or "*" alone. Other spellings would never match what a browser sends. Error: invalid_argument, naming
/// what is no origin.
Result<std::vector<std::string>> parse_origins(std::string_view text);

/// A connection string fit to be shown: passwords become ***. Errs on the side of hiding too much.
std::string mask_secrets(std::string_view url);

}  // namespace mtmsg::config
