#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/result.hpp"

namespace mtmsg {

/// What can be bounded for one tenant.
enum class Limit {
  max_message_bytes,
  max_queue_length,
  max_stored_bytes,
  publish_rate,
  retention_seconds,
  retention_messages,
};
inline constexpr std::size_t kLimitCount = 6;

/// The table of limits: their names are those of the API's fields, of the configuration (section `limits`), of the
/// columns of `tenants` and, with dashes, of mtmsgctl's options.
struct LimitRow {
  Limit limit;
  std::string_view name;
  std::string_view unit;  ///< of the number: "bytes", "messages", "messages/s", "s"
  std::string_view help;
  std::uint64_t most;  ///< the highest value
  bool needs_value;    ///< 0 does not mean "none"
  bool fixed;          ///< RabbitMQ fixes it when the queue is declared
};
std::span<const LimitRow> limit_rows() noexcept;
const LimitRow& row_of(Limit limit) noexcept;
const LimitRow* find_limit(std::string_view name) noexcept;

/// A value for each limit, or none: then another's (the configured default's) counts. 0 is "no limit".
class TenantLimits {
 public:
  std::optional<std::uint64_t>& operator[](Limit limit) noexcept { return values_[static_cast<std::size_t>(limit)]; }
  const std::optional<std::uint64_t>& operator[](Limit limit) const noexcept {
    return values_[static_cast<std::size_t>(limit)];
  }
  std::uint64_t value(Limit limit) const noexcept { return (*this)[limit].value_or(0); }
  /// These, and the defaults where these say nothing.
  TenantLimits over(const TenantLimits& defaults) const noexcept;
  friend bool operator==(const TenantLimits&, const TenantLimits&) = default;

 private:
  std::array<std::optional<std::uint64_t>, kLimitCount> values_{};
};

/// invalid_argument that names the limit and its bounds.
Result<void> check_limit(Limit limit, std::uint64_t value);

}  // namespace mtmsg
