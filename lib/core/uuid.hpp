#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mtmsg {

/// 128 bits in network order (RFC 9562). A value; any thread.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Only the form 8-4-4-4-12 of hex digits in any case; everything else (braces, URN, no dashes) is nullopt.
  static std::optional<Uuid> parse(std::string_view text) noexcept;

  /// Version 5 of RFC 9562: the SHA-1 of namespace and name.
  static Uuid v5(const Uuid& name_space, std::string_view name);

  /// Version 7 of RFC 9562: milliseconds since the epoch, then random bits of the thread's own generator.
  static Uuid v7();

  /// Version 4 of RFC 9562, from the operating system's randomness.
  static Uuid v4();

  /// Lower case, 36 characters.
  std::string to_string() const;

  auto operator<=>(const Uuid&) const = default;
};

}  // namespace mtmsg

template <>
struct std::hash<mtmsg::Uuid> {
  std::size_t operator()(const mtmsg::Uuid& id) const noexcept {
    std::uint64_t parts[2];
    std::memcpy(parts, id.bytes.data(), sizeof parts);
    return static_cast<std::size_t>(parts[0] ^ (parts[1] * 0x9E3779B97F4A7C15ULL));
  }
};
