#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/link.hpp"
#include "core/ids.hpp"
#include "core/rate_meter.hpp"
#include "core/result.hpp"
#include "domain/payload.hpp"
#include "ingest/delivery_link.hpp"
#include "ingest/dispatcher.hpp"
#include "ingest/serve_options.hpp"
#include "ingest/writer.hpp"
#include "metrics/registry.hpp"
#include "store/database.hpp"

/// The data path: link → inbox → scheduler → writer → ack ledger.
namespace mtmsg::ingest {

/// What moves for one tenant in this daemon at the moment.
struct TenantActivity {
  bool consuming = false;     ///< a consumer stands at the broker
  unsigned workers = 0;       ///< configured
  unsigned workers_busy = 0;  ///< batches' worth of deliveries in hand: ceil(unacked / batch), at most workers
  std::uint64_t unacked = 0;  ///< delivered, not yet committed
  std::uint64_t waiting = 0;  ///< of these, waiting for a writer
  std::uint64_t stored = 0;   ///< since this daemon started
  std::uint64_t duplicates = 0;
  std::uint64_t dead_letters = 0;
  double delivered_per_second = 0;
  double settled_per_second = 0;  ///< stored, duplicate or dead letter
  /// So long it has had something in hand without a break, and nothing of it was settled; nothing: it has none.
  std::optional<std::chrono::milliseconds> in_hand_for;
  std::optional<std::chrono::seconds> stuck_for;
  unsigned prefetch = 0;     ///< of its consumer
  bool suspicious = false;   ///< the last delivery had been delivered too often: it is taken alone
  bool held = false;         ///< somebody else holds its counter or partition for long
  bool memory_full = false;  ///< the daemon holds as many bytes as it may, so nothing is read
  /// The tenants that want to be stored at the moment, with their workers, and whether all writers are busy with them.
  Dispatcher::Crowd crowd;
  bool writers_all_busy = false;
};

/// The whole daemon's.
struct PipelineStatus {
  broker::LinkStatus delivery_link;  ///< the worst of them, when there are several
  unsigned links = 1;
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
  bool complete = false;             ///< false: the time limit came first; what was not acked is the broker's again
  std::uint64_t committed = 0;       ///< stored, duplicate or dead-lettered since stop() was called
  std::uint64_t acked = 0;           ///< since stop() was called
  std::uint64_t left_to_broker = 0;  ///< deliveries in hand when it gave up
};

/// What the pipeline tells its owner. Any of its threads; must not throw and must not call back into the pipeline.
class PipelineEvents {
 public:
  /// The tenant has no consumer until serve() is called again: its queue or its channel is gone, or its rows have no
  /// place (the error says which).
  virtual void on_consumer_lost(TenantId tenant, const Error& why) noexcept = 0;
  /// Somebody else holds the tenant's counter or partition for long: its messages wait, its neighbours' don't. Once,
  /// until some of them are stored.
  virtual void on_tenant_held(TenantId tenant) noexcept = 0;
  /// It keeps as many bytes as it may. Again with every transaction that stores for it, until remove().
  virtual void on_limit_reached(TenantId tenant) noexcept = 0;
  /// The tenant's messages up to `last` are committed. Every time, on the writer's thread: it has to be quick.
  virtual void on_stored(TenantId, Sequence /*last*/) noexcept {}
  /// Once per change, not once per try.
  virtual void on_database(bool available, const Error& why) noexcept = 0;
  /// "host:port" of the broker it is connected to now, or why it is not; once per change.
  virtual void on_delivery_link(const Result<std::string>& server) noexcept = 0;

 protected:
  ~PipelineEvents() = default;
};

/// Any thread.
class Pipeline final : private DeliveryEvents, private WriterEvents {
 public:
  /// The same at all times and in all daemons, whatever their batch (see Consumer).
  static constexpr std::uint16_t kOrderedPrefetch = 500;

  struct Options {
    DeliveryLink::Options link;
    Dispatcher::Limits dispatcher;
    PayloadLimits payload;
    unsigned writers = 2;
    unsigned batch = 500;
    /// With the database away for so long the channels are closed, once: RabbitMQ does not wait for ever, and each time
    /// it lost patience would cost every message in hand one of its deliveries.
    std::chrono::milliseconds patience{std::chrono::minutes(3)};
  };

  Pipeline(Options options, store::Database& database, metrics::Registry& metrics, PipelineEvents& events);
  ~Pipeline();

  void start();
  /// Stops consuming, commits what is in hand, acks it, closes the connections; at `deadline` it ends at once and what
  /// was not acked is the broker's again. Later calls return the first report.
  StopReport stop(std::chrono::steady_clock::time_point deadline);
  /// Any thread, also while stop() waits: makes its deadline now.
  void hurry() noexcept;

  /// A consumer with prefetch = workers × batch (kOrderedPrefetch for an ordered tenant) and that share of the writers.
  /// The future is ready when the consumer stands. Called again, it changes what is different. Errors as
  /// DeliveryLink::serve.
  std::future<Result<void>> serve(TenantId tenant, const ServeOptions& options);
  /// Ends the consumer: what is in hand is committed and acked, or given back to the queue after `patience`. The
  /// tenant is unknown to the pipeline afterwards.
  void remove(TenantId tenant, std::chrono::milliseconds patience);
  /// The tenants it knows, as serve() was asked last.
  std::unordered_map<TenantId, ServeOptions> served() const;

  TenantActivity activity(TenantId tenant) const;
  PipelineStatus status() const;

 private:
  struct Totals {
    std::uint64_t stored = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t dead_letters = 0;
    std::uint64_t without_id = 0;
    std::uint64_t all() const noexcept { return stored + duplicates + dead_letters; }
  };
  struct Served {
    DeliveryLink* link = nullptr;
    ServeOptions options;
    Totals totals;
    RateMeter settled;
  };

  void on_consumer_lost(TenantId tenant, const Error& why) noexcept override;
  void on_delivery_link(const Result<std::string>& server) noexcept override;
  void on_committed(const Work& work, const std::vector<PartReport>& reports) noexcept override;
  void on_tenant_failed(TenantId tenant, const Error& why) noexcept override;
  void on_tenant_held(TenantId tenant) noexcept override;
  void on_attempt(const Result<void>& result, std::size_t rows, std::chrono::nanoseconds took) noexcept override;

  DeliveryLink& link_with_room();
  std::uint16_t prefetch_for(const ServeOptions& options) const noexcept;
  DeliveryLink* link_of(TenantId tenant) const;
  /// The tenants that keep as many bytes as they may.
  std::vector<TenantId> count(const std::vector<PartReport>& reports);
  void count_dead_letters(const PartReport& report);
  std::uint64_t committed() const;
  std::uint64_t acked() const;
  void stop_consuming(std::chrono::steady_clock::time_point deadline);
  void join_writers();
  bool stopping() const;
  bool hurrying() const;
  void release_held(const Work& work);
  void note_database(bool away, const std::string& why);
  void linger(std::chrono::steady_clock::time_point until);

  const Options options_;
  store::Database& database_;
  metrics::IngestMetrics metrics_;
  PipelineEvents& events_;
  Dispatcher dispatcher_;

  mutable std::mutex mutex_;  ///< guards all below
  std::vector<std::unique_ptr<DeliveryLink>> links_;
  std::unordered_map<const DeliveryLink*, std::size_t> tenants_on_;
  std::unordered_map<TenantId, Served> tenants_;
  Totals totals_;
  bool database_away_ = false;
  std::chrono::steady_clock::time_point away_since_;
  std::string database_error_;
  Admission admission_ = Admission::open;
  std::unordered_map<TenantId, unsigned> held_;  ///< tries in a row that met somebody else's lock
  std::optional<StopReport> stopped_;
  bool started_ = false;
  bool stopping_ = false;
  bool hurry_ = false;

  std::vector<std::unique_ptr<Writer>> writers_;  ///< last: their threads use everything above
};

}  // namespace mtmsg::ingest
