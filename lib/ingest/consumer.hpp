#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "ingest/ack_ledger.hpp"
#include "ingest/parcel.hpp"

namespace mtmsg::ingest {

/// What a tenant's consumer shall be.
enum class Wanted {
  serve,  ///< a consumer with the wanted prefetch
  idle,   ///< no consumer; the channel stays, so that what is in hand can be acked
  leave,  ///< no consumer; the channel closed as soon as everything in hand is acked
  drop,   ///< the channel closed at once; what is in hand goes back to the queue
};

/// Whether consumers may take deliveries; the same for all of a link. Every delivery that is not answered costs its
/// message one of its deliveries, so none are taken that could not be stored.
enum class Admission {
  open,
  hold,    ///< the database is away: what stands stays, nothing new begins
  closed,  ///< it is away for long: no channel stays open
};

/// One tenant's channel and consumer. A value of the link thread; the decisions are here, the I/O in DeliveryLink.
///
/// An ordered tenant's queue gives its messages to one consumer at a time. A consumer that is cancelled makes room for
/// the next one while it has messages in hand, and those behind them would overtake. So an ordered tenant's consumer is
/// never cancelled: it freezes (what still arrives is not taken), what it took is committed and acked, and then the
/// channel closes, with which the broker puts all that was not taken back to the queue's head before anybody else gets
/// a message. Where nobody can wait (drop, the database away for long, memory given back) the channel closes with all
/// that is in hand: it comes again from the head on, and its ids keep what was committed meanwhile from being stored
/// twice.
///
/// Its prefetch never changes: a quorum queue puts what is returned behind what was returned before (RabbitMQ 3.10), so
/// a consumer that takes fewer than its predecessor had, and returns them, changes the order.
struct Consumer {
  TenantId tenant;
  ChannelNumber channel;

  Wanted wanted = Wanted::serve;
  std::uint16_t wanted_prefetch = 1;
  Admission admission = Admission::open;
  /// The last delivery had been delivered too often, or none came through this channel yet: one message at a time, so
  /// that one that brings the daemon down takes no others with it.
  bool careful = true;
  bool suspicious = false;  ///< the last delivery had been delivered too often
  bool narrow = false;      ///< nothing of this tenant can be stored at the moment
  bool reopen = false;      ///< the channel is to be closed and opened again
  bool ordered = false;     ///< what is not taken comes again before what is behind it

  bool channel_open = false;
  std::string asking;  ///< the tag of a basic.consume under way; cleared when the broker takes that consumer away
  std::string tag;     ///< the consumer at the broker; empty: none
  std::uint16_t prefetch = 0;
  bool frozen = false;  ///< nothing more is taken through this channel
  Generation generation;
  AckLedger ledger;
  std::optional<std::chrono::steady_clock::time_point> acked_at;  ///< the last time

  bool forgotten = false;  ///< the tenant is gone; the channel's number is free as soon as the channel is closed
  bool steering = false;   ///< a coroutine is on its way from what is to what is wanted
  std::vector<std::promise<Result<void>>> waiters;

  enum class Step { none, open_channel, consume, freeze, cancel, close_channel };

  std::uint16_t target_prefetch() const noexcept { return !ordered && (careful || narrow) ? 1 : wanted_prefetch; }
  /// Whether a delivery that arrives is taken; else it is the broker's again when the channel closes.
  bool takes() noexcept;
  /// What this delivery says about those behind it; true when the prefetch has to change.
  bool note(bool delivered_too_often) noexcept;
  /// The next thing to do on the way to what is wanted. Pure. A new prefetch needs a new consumer: a live basic.qos
  /// changes nothing for a running one.
  Step next_step() const noexcept;
  /// It is what is wanted.
  bool settled() const noexcept;
  /// The channel is gone, and its tags with it.
  void channel_lost() noexcept;
};

}  // namespace mtmsg::ingest
