#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/authenticator.hpp"
#include "broker/control.hpp"
#include "broker/publisher.hpp"
#include "config/loader.hpp"
#include "daemon/access_log.hpp"
#include "daemon/alarm.hpp"
#include "daemon/log.hpp"
#include "daemon/probe.hpp"
#include "daemon/watch.hpp"
#include "http/api.hpp"
#include "http/caller_limits.hpp"
#include "http/cors.hpp"
#include "http/doorbell.hpp"
#include "http/publish_rates.hpp"
#include "http/server.hpp"
#include "http/waiters.hpp"
#include "ingest/given_up.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/replayer.hpp"
#include "metrics/registry.hpp"
#include "store/database.hpp"
#include "tenants/heartbeat.hpp"
#include "tenants/listener.hpp"
#include "tenants/overview.hpp"
#include "tenants/reconciler.hpp"
#include "tenants/retention.hpp"

namespace mtmsg::daemon {

/// The composition root: builds every part from the configuration, starts them, and stops them in order. What the parts
/// report is logged here, once.
class App final : private ingest::PipelineEvents, private ingest::GivenUpEvents, private tenants::ReconcilerEvents {
 public:
  /// Throws Failure when a part can't be built (a connection string that is none, an address that can't be listened
  /// on).
  App(const config::Config& config, Log& log);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Starts everything and tells systemd. The API answers from here on; the rest comes as soon as broker and database
  /// do.
  void start();
  /// Takes over what can change while running, and logs what did and what needs a restart. What is wrong with the
  /// configuration, or with a file it names, is logged, and then nothing changes. The thread of start() and stop().
  void reload(const config::Loaded& loaded);
  /// Refuses new work, stops consuming, commits and acks what is in hand, closes, reports. One thread, once.
  void stop();
  /// Any thread, while stop() runs: ends it at once, losing nothing.
  void hurry() noexcept;

 private:
  void on_consumer_lost(TenantId tenant, const Error& why) noexcept override;
  void on_tenant_held(TenantId tenant) noexcept override;
  void on_stored(TenantId tenant, Sequence last) noexcept override { waiters_.ring(tenant, last); }
  void on_limit_reached(TenantId tenant) noexcept override { reconciler_.became_full(tenant); }
  void on_tenant_full(TenantId tenant) noexcept override;
  void on_step(const Tenant& tenant, tenants::Step step) noexcept override;
  void on_database(bool available, const Error& why) noexcept override;
  void on_delivery_link(const Result<std::string>& server) noexcept override;
  void on_stray(const std::string& routing_key, const std::string& why) noexcept override;
  void on_store(const Result<void>& usable) noexcept override;
  void on_tenant_delayed(const Tenant& tenant, const Error& why) noexcept override;
  void on_tenant(const Tenant& tenant, std::string_view what) noexcept override;

  Result<void> try_reload(const config::Loaded& loaded);
  Result<void> reload_certificates();
  void tell_keys(const auth::TokenRules& rules);
  Result<void> check_database();
  void warn_of_missing_standby();
  void warn_of_certificate();
  void read_daemons(bool database_answers);
  void on_part(const PartChange& change);
  void on_change(const AuditEntry& entry, const Result<void>& written);
  void let_go();

  Result<void> prepare_schema();
  std::optional<std::vector<wire::DaemonInfo>> daemons();
  http::Services services();
  wire::Status status();
  wire::Readiness readiness();

  const config::Config config_;  ///< as it was at the start: any thread
  config::Config current_;       ///< with what was reloaded since: only reload() and stop()
  const store::DaemonId id_{Uuid::v4()};
  Log& log_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<bool> stopping_{false};
  /// Set where the watch was first to say that the database is away: then it says the end, too.
  std::atomic<bool> watch_tells_database_{false};
  bool told_of_standby_ = false;  ///< the probe's thread only

  std::mutex daemons_mutex_;
  std::optional<std::vector<store::DaemonSeen>> daemons_;    ///< guarded by daemons_mutex_; none while nobody knows
  std::chrono::steady_clock::time_point daemons_read_at_{};  ///< the probe's thread only

  // In the order in which they are built; each uses only what stands above it.
  std::mutex lost_mutex_;
  std::unordered_map<TenantId, std::string> lost_;  ///< guarded by lost_mutex_; why, of those not repaired yet

  http::Waiters waiters_;
  metrics::Registry metrics_;
  std::unique_ptr<store::Database> database_;
  Probe probe_;
  Watch watch_;  ///< looks at what stands below: started last, stopped first
  broker::Control control_;
  broker::Publisher publisher_;
  ingest::Pipeline pipeline_;
  ingest::GivenUpConsumer given_up_;
  ingest::Replayer replayer_;
  tenants::Heartbeat heartbeat_;
  tenants::Reconciler reconciler_;
  tenants::Overview overview_;
  tenants::Listener listener_;
  tenants::Retention retention_;
  http::PublishRates publish_rates_;
  http::CallerLimits callers_;
  const http::Cors cors_;
  AccessLog access_log_;
  http::Doorbell doorbell_;
  auth::Authenticator authenticator_;
  http::Api api_;
  http::Server server_;
  Alarm give_up_;  ///< set when the daemon stops
};

}  // namespace mtmsg::daemon
