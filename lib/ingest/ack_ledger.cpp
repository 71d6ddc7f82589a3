#include "ingest/ack_ledger.hpp"

#include <algorithm>
#include <cassert>

namespace mtmsg::ingest {

void AckLedger::delivered(DeliveryTag tag) {
  delivered_ = std::max(delivered_, tag.value);
}

void AckLedger::settled(DeliveryTag first, DeliveryTag last) {
  assert(first <= last && last.value <= delivered_);
  std::uint64_t from = std::max(first.value, acked_ + 1);
  std::uint64_t to = std::min(last.value, delivered_);
  if (from > to) return;
  // Melt together with every range that overlaps or touches the new one.
  auto next = settled_.upper_bound(from);
  if (next != settled_.begin() && std::prev(next)->second + 1 >= from) --next;
  while (next != settled_.end() && next->first <= to + 1) {
    from = std::min(from, next->first);
    to = std::max(to, next->second);
    next = settled_.erase(next);
  }
  settled_.emplace(from, to);
}

std::optional<DeliveryTag> AckLedger::take_ack() {
  const auto lowest = settled_.begin();
  if (lowest == settled_.end() || lowest->first != acked_ + 1) return std::nullopt;
  acked_ = lowest->second;
  settled_.erase(lowest);
  return DeliveryTag{acked_};
}

}  // namespace mtmsg::ingest
