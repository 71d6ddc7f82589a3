#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/link.hpp"
#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/payload.hpp"
#include "store/database.hpp"

/// The data path: link → inbox → scheduler → writer → ack ledger.
namespace mtmsg::ingest {

/// What moves for one tenant in this daemon at the moment.
struct TenantActivity {
  bool consuming = false;     ///< a consumer stands at the broker
  unsigned workers = 0;       ///< configured
  unsigned workers_busy = 0;  ///< batches' worth of deliveries in hand: ceil(unacked / batch), at most workers
  std::uint64_t unacked = 0;  ///< delivered, not yet acknowledged
  std::uint64_t waiting = 0;  ///< of these, waiting for a writer
  std::uint64_t stored = 0;   ///< since this daemon started
  std::uint64_t duplicates = 0;
  std::uint64_t dead_letters = 0;
};

/// The whole daemon's.
struct PipelineStatus {
  broker::LinkStatus delivery_link;
  unsigned writers = 0;
  unsigned writers_busy = 0;
  bool database_away = false;  ///< a writer's last attempt met an outage; it retries with back-off
  std::string database_error;
  std::size_t tenants = 0;
  std::uint64_t unacked = 0;
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t stored = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t without_id = 0;  ///< stored at least once, not exactly once: they carried no message_id
  std::uint64_t acked = 0;
};

struct StopReport {
  bool complete = false;        ///< false: the time limit came first; what was not acked is the broker's again
  std::uint64_t committed = 0;  ///< rows committed since stop() was called
  std::uint64_t acked = 0;      ///< since stop() was called
  std::uint64_t left_to_broker = 0;
};

}  // namespace mtmsg::ingest
