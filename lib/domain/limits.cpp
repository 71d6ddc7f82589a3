#include "domain/limits.hpp"

#include <algorithm>

namespace mtmsg {
namespace {

constexpr std::uint64_t kMostCount = 1'000'000'000'000'000;
constexpr std::uint64_t kMostMessage = 128U << 20U;
/// RabbitMQ keeps a quorum queue's length in memory; its x-max-length is a signed 64-bit number.
constexpr std::uint64_t kMostQueue = 1'000'000'000;
constexpr std::uint64_t kMostRate = 1'000'000;
constexpr std::uint64_t kMostSeconds = 100ULL * 366 * 24 * 3600;

constexpr LimitRow kRows[] = {
    {Limit::max_message_bytes, "max_message_bytes", "bytes", "Largest message. A larger one becomes a dead letter.",
     kMostMessage, true, false},
    {Limit::max_queue_length, "max_queue_length", "messages",
     "Messages that may wait in the tenant's queue, about; then RabbitMQ refuses more. 0: no limit.", kMostQueue, false,
     true},
    {Limit::max_stored_bytes, "max_stored_bytes", "bytes",
     "Bytes of messages kept, about; then the tenant's messages wait in its queue. 0: no limit.", kMostCount, false,
     false},
    {Limit::publish_rate, "publish_rate", "messages/s",
     "Messages a second the tenant may publish through one daemon's API. 0: no limit.", kMostRate, false, false},
    {Limit::retention_seconds, "retention_seconds", "s",
     "Seconds a message is kept; older ones are removed in small steps. 0: for ever.", kMostSeconds, false, false},
    {Limit::retention_messages, "retention_messages", "messages",
     "Messages that are kept; the oldest beyond it are removed in small steps. 0: all.", kMostCount, false, false},
};
static_assert(std::size(kRows) == kLimitCount);

}  // namespace

std::span<const LimitRow> limit_rows() noexcept {
  return kRows;
}

const LimitRow& row_of(Limit limit) noexcept {
  return kRows[static_cast<std::size_t>(limit)];
}

const LimitRow* find_limit(std::string_view name) noexcept {
  const auto found = std::ranges::find(kRows, name, &LimitRow::name);
  return found == std::end(kRows) ? nullptr : found;
}

TenantLimits TenantLimits::over(const TenantLimits& defaults) const noexcept {
  auto out = *this;
  for (std::size_t i = 0; i < kLimitCount; ++i)
    if (!out.values_[i]) out.values_[i] = defaults.values_[i];
  return out;
}

Result<void> check_limit(Limit limit, std::uint64_t value) {
  const auto& row = row_of(limit);
  const std::uint64_t least = row.needs_value ? 1 : 0;
  if (value >= least && value <= row.most) return {};
  return fail(ErrorCode::invalid_argument, std::string(row.name) + " must be between " + std::to_string(least) +
                                               " and " + std::to_string(row.most) + "; got " + std::to_string(value));
}

}  // namespace mtmsg
