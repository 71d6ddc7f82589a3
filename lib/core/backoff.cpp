#include "core/backoff.hpp"

#include <algorithm>

namespace mtmsg {

std::chrono::milliseconds Backoff::next(std::uint32_t random) noexcept {
  const auto doublings = std::min(tries_, 20U);
  if (tries_ < 1000) ++tries_;
  const auto whole = std::min<std::int64_t>(limits_.cap.count(), limits_.first.count() << doublings);
  const auto half = whole / 2;
  return std::chrono::milliseconds(whole - half + static_cast<std::int64_t>(random) % (half + 1));
}

}  // namespace mtmsg
