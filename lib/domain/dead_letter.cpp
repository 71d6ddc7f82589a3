#include "domain/dead_letter.hpp"

namespace mtmsg {

std::string_view to_string(DeadReason reason) noexcept {
  switch (reason) {
    case DeadReason::invalid_json:
      return "invalid_json";
    case DeadReason::rejected_by_database:
      return "rejected_by_database";
    case DeadReason::too_large:
      return "too_large";
    case DeadReason::delivery_limit:
      return "delivery_limit";
    case DeadReason::expired:
      return "expired";
    case DeadReason::rejected_by_consumer:
      return "rejected_by_consumer";
    case DeadReason::queue_full:
      return "queue_full";
  }
  return "rejected_by_database";
}

std::optional<DeadReason> dead_reason_from(std::string_view text) noexcept {
  for (const auto reason : kDeadReasons) {
    if (text == to_string(reason)) return reason;
  }
  return std::nullopt;
}

}  // namespace mtmsg
