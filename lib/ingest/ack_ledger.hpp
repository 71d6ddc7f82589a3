#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "core/ids.hpp"

namespace mtmsg::ingest {

/// Which delivery tags of one channel may be acknowledged. Pure.
///
/// Tags count up from 1 per channel (AMQP 0-9-1, 1.1). A `multiple` ack covers every tag up to its own (1.8.3.13), so
/// the ledger gives out a tag only when all tags up to it are settled: an ack never covers an uncommitted message,
/// whatever the order in which writers finish. A ledger lives as long as its channel; a new channel gets a new one.
class AckLedger {
 public:
  /// A delivery arrived. Tags come in order; a gap is what a basic.get or another consumer of the channel took.
  void delivered(DeliveryTag tag);
  /// What is in [first, last] is committed (as messages, duplicates or dead letters).
  void settled(DeliveryTag first, DeliveryTag last);
  /// The tag to acknowledge with `multiple`, if there is news; it counts as acknowledged from now on.
  std::optional<DeliveryTag> take_ack();

  /// Delivered and not yet given out by take_ack().
  std::size_t unacked() const noexcept { return static_cast<std::size_t>(delivered_ - acked_); }
  std::uint64_t acked() const noexcept { return acked_; }

 private:
  std::uint64_t delivered_ = 0;  ///< highest tag that arrived
  std::uint64_t acked_ = 0;      ///< highest tag given out
  std::map<std::uint64_t, std::uint64_t>
      settled_;  ///< first → last of settled ranges above acked_, apart from each other
};

}  // namespace mtmsg::ingest
