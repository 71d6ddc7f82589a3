#include "daemon/app.hpp"

#include <future>
#include <utility>

#include <unistd.h>

#include "config/values.hpp"
#include "daemon/descriptors.hpp"
#include "daemon/notify.hpp"
#include "setup/keys.hpp"
#include "setup/tls_files.hpp"

namespace mtmsg::daemon {
namespace {

using std::chrono::duration_cast;

broker::ConnectOptions connect_options(const config::Config& config, std::string_view purpose) {
  broker::ConnectOptions options;
  options.url = config.broker.url;
  options.connection_name = "mtmsgd " + std::string(purpose);
  options.tls = setup::broker_files(config);
  options.heartbeat = duration_cast<std::chrono::seconds>(config.broker.heartbeat);
  return options;
}

broker::TopologyOptions topology_options(const config::Config& config) {
  return {config.broker.name_space, config.broker.queue_type == config::QueueType::quorum,
          config.broker.delivery_limit};
}

PayloadLimits payload_limits(const config::Config& config) {
  return {config.limits.max_message_bytes.value, config.limits.max_rendered_bytes.value};
}

std::unique_ptr<store::Database> open_database(const config::Config& config, store::DaemonId daemon) {
  store::DatabaseOptions options;
  options.daemon = daemon;
  options.url = config.database.url;
  options.direct_url = config.database.direct_url;
  auto database = store::open_database(options);
  if (database.has_error()) throw Failure(database.error());
  return std::move(*database);
}

ingest::Pipeline::Options pipeline_options(const config::Config& config) {
  ingest::Pipeline::Options options;
  options.link.connect = connect_options(config, "delivery");
  options.link.memory_bytes = config.limits.memory_bytes.value;
  options.payload = payload_limits(config);
  options.writers = config.database.writers;
  options.batch = config.tenants.batch;
  return options;
}

ingest::GivenUpConsumer::Options given_up_options(const config::Config& config) {
  return {connect_options(config, "dead letters"), topology_options(config), payload_limits(config)};
}

store::Daemon self(store::DaemonId id) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return {id, host, static_cast<int>(::getpid()), MTMSG_VERSION};
}

TenantLimits default_limits(const config::Limits& config) {
  TenantLimits limits;
  limits[Limit::max_message_bytes] = config.max_message_bytes.value;
  limits[Limit::max_queue_length] = config.max_queue_length;
  limits[Limit::max_stored_bytes] = config.max_stored_bytes.value;
  limits[Limit::publish_rate] = config.publish_rate;
  limits[Limit::retention_seconds] = config.retention_seconds;
  limits[Limit::retention_messages] = config.retention_messages;
  return limits;
}

tenants::Reconciler::Options reconciler_options(const config::Config& config, store::DaemonId self) {
  tenants::Reconciler::Options options;
  options.self = self;
  options.defaults = {config.tenants.workers,
                      config.tenants.max_workers,
                      config.tenants.batch,
                      default_limits(config.limits),
                      {config.broker.queue_type == config::QueueType::quorum, config.broker.delivery_limit}};
  return options;
}

tenants::Overview::Options overview_options(const config::Config& config) {
  tenants::Overview::Options options;
  options.limits = default_limits(config.limits);
  return options;
}

tenants::Retention::Options retention_options(const config::Config& config) {
  tenants::Retention::Options options;
  options.defaults = default_limits(config.limits);
  options.audit_age = std::chrono::days(config.limits.audit_days);
  return options;
}

http::Cors cors(const config::Config& config) {
  auto origins = config::parse_origins(config.http.cors_origins);
  if (origins.has_error()) throw Failure(Error(origins.error()).with_context("http.cors_origins"));
  return http::Cors(std::move(*origins));
}

/// Open files besides the API's connections: sessions with the servers, the log, whatever libraries open.
constexpr std::size_t kOtherDescriptors = 256;

/// As many connections as configured, or as many as the process may open.
std::size_t connection_limit(const config::Config& config) {
  const auto descriptors = raise_descriptor_limit(config.http.max_connections + kOtherDescriptors);
  const auto left = descriptors - std::min(descriptors / 2, kOtherDescriptors);
  return std::min<std::size_t>(config.http.max_connections, left);
}

http::ServerOptions server_options(const config::Config& config, Log& log) {
  http::ServerOptions options;
  options.cors = cors(config);
  auto address = http::parse_listen_address(config.http.listen);
  if (address.has_error()) throw Failure(Error(address.error()).with_context("http.listen"));
  options.tcp = *address;
  options.unix_socket = http::UnixListen{config.socket.path, config.socket.mode.value, config.socket.group};
  options.tls = setup::server_files(config);
  options.limits.request.body_bytes = config.http.max_body_bytes.value;
  options.limits.connections = connection_limit(config);
  options.limits.connections_per_client = config.http.max_connections_per_client;
  options.limits.streams = config.http.max_streams;
  options.limits.streams_per_client = config.http.max_streams_per_client;
  // A stream whose client is slow holds a thread: as many again are left for other slow clients.
  options.limits.blocked_workers = 32 + config.http.max_streams;
  options.limits.request_timeout = config.http.request_timeout;
  // Strangers must not fill the log.
  options.on_stranger = [&log](const auth::Peer& peer, std::string_view why) {
    log.debug("tls_refused", why, {{"peer", peer.address}, {"port", peer.port}});
  };
  return options;
}

http::ServerOptions with_hook(http::ServerOptions options, http::OnAnswered on_answered) {
  options.on_answered = std::move(on_answered);
  return options;
}

auth::Mode auth_mode(const config::Config& config) {
  return config.auth.mode == config::AuthMode::none ? auth::Mode::none : auth::Mode::jwt;
}

/// So long before the end of a certificate there is a warning.
constexpr std::chrono::days kCertificateWarning{14};

/// They beat as often.
constexpr std::chrono::seconds kDaemonsReadEvery{2};

wire::Link wire_link(std::string name, const broker::LinkStatus& status) {
  return {std::move(name), status.connected, status.blocked, status.last_error,
          std::chrono::time_point_cast<Timestamp::duration>(status.since)};
}

}  // namespace

App::App(const config::Config& config, Log& log)
    : config_(config),
      current_(config),
      log_(log),
      waiters_(config.http.max_waiting),
      metrics_(MTMSG_VERSION),
      database_(open_database(config, id_)),
      probe_([this] { return check_database(); }),
      watch_([this] { return readiness(); }, [this](const PartChange& change) { on_part(change); }),
      control_(connect_options(config, "control"), topology_options(config)),
      publisher_(connect_options(config, "publish"), broker::Publisher::Limits{}),
      pipeline_(pipeline_options(config), *database_, metrics_, *this),
      given_up_(given_up_options(config), *database_, metrics_, *this),
      replayer_(*database_, payload_limits(config)),
      heartbeat_(database_->presence(), self(id_)),
      reconciler_(
          reconciler_options(config, id_), [this] { return prepare_schema(); }, database_->tenants(), control_,
          pipeline_, *this),
      overview_(overview_options(config), database_->tenants(), control_, pipeline_,
                [this] { return reconciler_.remembered(); }),
      listener_(database_->make_change_feed(),
                {[this](TenantId tenant) { reconciler_.heard_of(tenant); }, [this] { reconciler_.reread(); }}),
      retention_(retention_options(config), database_->retention(),
                 [this](TenantId tenant) { reconciler_.became_smaller(tenant); }),
      cors_(cors(config)),
      access_log_(log),
      doorbell_(waiters_, database_->messages()),
      authenticator_(auth_mode(config)),
      api_(services(), authenticator_),
      server_(
          with_hook(server_options(config, log),
                    [this](const http::Answered& answered) { access_log_.note(answered); }),
          [this](http::Request& request) { return api_.handle(request); },
          [this](std::string_view what, std::string_view request_id) {
            log_.error("handler_failed", what, {{"request_id", request_id}});
          }),
      give_up_([this] { let_go(); }) {
  callers_.set_request_rate(config.auth.rate_limit);
  callers_.set_failure_limit(config.auth.failure_limit);
}

App::~App() = default;

void App::start() {
  const auto rules = setup::token_rules(config_);
  if (rules.has_error()) throw Failure(rules.error());
  authenticator_.use(*rules);
  if (auto listening = server_.start(); listening.has_error()) throw Failure(listening.error());
  log_.info("listening", "the API listens",
            {{"tcp", config_.http.listen},
             {"port", server_.port()},
             {"tls", config_.http.tls_cert.empty() ? "no" : "yes"},
             {"socket", config_.socket.path}});
  warn_of_certificate();
  if (const auto limit = connection_limit(config_); limit < config_.http.max_connections)
    log_.warning("few_descriptors",
                 "the process may not open enough files for http.max_connections: raise its limit (LimitNOFILE)",
                 {{"max_connections", config_.http.max_connections}, {"connections", limit}});
  if (config_.auth.mode == config::AuthMode::none) {
    log_.warning("auth_none",
                 "auth.mode is \"none\": everybody on this machine who reaches the TCP port is an administrator",
                 {{"tcp", config_.http.listen}});
  }
  tell_keys(**rules);
  control_.start();
  publisher_.start();
  pipeline_.start();
  reconciler_.start();
  listener_.start();
  retention_.start();
  doorbell_.start();
  probe_.start();
  watch_.start();
  // The API and the retries run whatever is away: that is what "started" means, and /readyz tells the rest.
  notify_ready("running");
}

// The order of stopping, in one place: first nothing new begins, then what is in hand is finished, then the doors
// close.
void App::stop() {
  notify_stopping("committing what is in hand");
  log_.info("stopping", "stopping: no new work; committing and acknowledging what is in hand");
  const auto deadline = std::chrono::steady_clock::now() + current_.shutdown.timeout;
  watch_.stop();
  stopping_ = true;
  reconciler_.ask_to_stop();
  listener_.ask_to_stop();
  retention_.ask_to_stop();
  probe_.ask_to_stop();
  replayer_.cancel();
  given_up_.ask_to_stop();
  give_up_.set(deadline);
  const auto dead_letters_ended = std::async(std::launch::async, [this] { given_up_.stop(); });
  const auto report = pipeline_.stop(deadline);
  heartbeat_.ask_to_stop();  // nothing is in hand any more that a delete elsewhere would have to wait for
  doorbell_.stop();
  server_.stop();
  listener_.stop();
  retention_.stop();
  reconciler_.stop();
  probe_.stop();
  dead_letters_ended.wait();
  heartbeat_.stop();
  publisher_.stop();
  control_.stop();
  give_up_.switch_off();
  log_.event(report.complete ? LogLevel::info : LogLevel::warning, "stopped",
             report.complete ? "stopped; everything in hand was committed and acknowledged"
                             : "stopped before everything in hand was committed; the broker keeps it",
             {{"committed", report.committed}, {"acked", report.acked}, {"left_to_broker", report.left_to_broker}});
}

void App::hurry() noexcept {
  pipeline_.hurry();
  give_up_.ring();
}

// Whoever waits for a server that does not answer is let go: requests, the reconciler, the probe.
void App::let_go() {
  database_->end_sessions();
  const auto publisher = std::async(std::launch::async, [this] { publisher_.stop(); });
  control_.stop();
}

void App::warn_of_certificate() {
  const auto end = server_.certificate_end();
  if (!end || *end - std::chrono::system_clock::now() > kCertificateWarning) return;
  const auto expires = std::chrono::time_point_cast<Timestamp::duration>(*end);
  log_.warning("tls_certificate_expires", "the API's certificate is about to expire, or has",
               {{"tls_cert", config_.http.tls_cert}, {"not_after", format_timestamp(expires)}});
}

Result<void> App::prepare_schema() {
  if (config_.database.auto_migrate) {
    const auto applied = database_->migrator().up();
    if (applied.has_error()) return applied.error();
    for (const auto& migration : *applied) {
      log_.info("migrated", "migration applied", {{"version", migration.version}, {"name", migration.name}});
    }
  }
  return database_->check();
}

// The probe's thread.
Result<void> App::check_database() {
  auto checked = database_->check();
  if (checked.has_value()) warn_of_missing_standby();
  read_daemons(checked.has_value());
  return checked;
}

void App::warn_of_missing_standby() {
  const bool missing = !database_->survives_failover();
  if (missing && !told_of_standby_) {
    log_.warning("no_synchronous_standby",
                 "database.url names several hosts, but the primary waits for no synchronous standby: what it stored "
                 "last can be missing after a failover",
                 {{"setting", "synchronous_standby_names"}});
  }
  told_of_standby_ = missing;
}

// Whoever asks for the status reads what was last seen here, so that a frozen database keeps nobody.
void App::read_daemons(bool database_answers) {
  const auto now = std::chrono::steady_clock::now();
  if (database_answers && now - daemons_read_at_ < kDaemonsReadEvery) return;
  std::optional<std::vector<store::DaemonSeen>> seen;
  if (database_answers) {
    if (auto list = database_->presence().list(); list.has_value()) seen = std::move(*list);
    daemons_read_at_ = now;
  } else {
    daemons_read_at_ = {};
  }
  const std::lock_guard lock(daemons_mutex_);
  daemons_ = std::move(seen);
}

std::optional<std::vector<wire::DaemonInfo>> App::daemons() {
  if (probe_.answer().has_error()) return std::nullopt;
  const std::lock_guard lock(daemons_mutex_);
  if (!daemons_) return std::nullopt;
  std::vector<wire::DaemonInfo> out;
  for (const auto& seen : *daemons_)
    out.push_back({seen.daemon.id.to_string(), seen.daemon.host, seen.daemon.pid, seen.daemon.version, seen.started_at,
                   seen.beat_at, seen.silent, seen.daemon.id == id_});
  return out;
}

http::Services App::services() {
  http::ApiLimits limits;
  limits.max_rendered_bytes = config_.limits.max_rendered_bytes.value;
  return {reconciler_,
          database_->messages(),
          database_->dead_letters(),
          database_->migrator(),
          database_->audit(),
          publish_rates_,
          waiters_,
          [this](TenantId tenant, std::string message_id, std::string body, http::Headers headers) {
            return publisher_.publish(tenant, std::move(message_id), std::move(body), std::move(headers));
          },
          [this](TenantId tenant, const std::vector<Sequence>& letters) { return replayer_.replay(tenant, letters); },
          [this] { return status(); },
          [this] { return readiness(); },
          [this] { return metrics_.render(); },
          [this] { return stopping_.load(); },
          [this](const http::RequestFailure& failed) {
            log_.warning("request_failed", failed.detail,
                         {{"route", failed.route},
                          {"code", failed.code},
                          {"request_id", failed.request_id},
                          {"traceparent", failed.traceparent}});
          },
          [this](const store::MigrationStatus& migration) {
            log_.warning("migrated", "migration applied or taken back through the API",
                         {{"version", migration.version}, {"name", migration.name}});
          },
          [this](const AuditEntry& entry, const Result<void>& written) { on_change(entry, written); },
          limits,
          &callers_,
          &cors_,
          [this](TenantId tenant) { return given_up_.tried_again(tenant); },
          [this](tenants::Overview::Database database) { return overview_.look(database); }};
}

// The journal has every change a second time, and the only time where the table could not take it.
void App::on_change(const AuditEntry& entry, const Result<void>& written) {
  const auto message = written.has_value() ? entry.subject + ": " + entry.action
                                           : "a change is not in the audit log: " + written.error().message;
  log_.event(written.has_value() ? LogLevel::info : LogLevel::error,
             written.has_value() ? "change" : "change_unaudited", message,
             {{"action", entry.action},
              {"subject", entry.subject},
              {"role", entry.role},
              {"tenant", entry.tenant ? entry.tenant->to_string() : ""},
              {"name", entry.tenant_name},
              {"detail", entry.detail},
              {"method", entry.method},
              {"route", entry.route},
              {"status", entry.status},
              {"code", entry.code},
              {"request_id", entry.request_id},
              {"peer", entry.peer},
              {"uid", entry.uid ? std::to_string(*entry.uid) : ""},
              {"pid", entry.pid ? std::to_string(*entry.pid) : ""}});
}

wire::Status App::status() {
  const auto pipeline = pipeline_.status();
  wire::Status status;
  status.version = MTMSG_VERSION;
  status.uptime = duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  status.readiness = readiness();
  status.links = {wire_link("delivery", pipeline.delivery_link), wire_link("control", control_.status()),
                  wire_link("publish", publisher_.status()), wire_link("dead_letters", given_up_.status())};
  status.writers = {pipeline.writers, pipeline.writers_busy, pipeline.database_away, pipeline.database_error};
  status.pipeline = {pipeline.unacked,      pipeline.in_flight_bytes, pipeline.stored, pipeline.duplicates,
                     pipeline.dead_letters, pipeline.without_id,      pipeline.acked};
  status.tenants = pipeline.tenants;
  status.daemons = daemons();
  return status;
}

wire::Readiness App::readiness() {
  wire::Readiness readiness;
  const auto part = [&readiness](std::string name, bool ok, std::string reason) {
    readiness.parts.push_back({std::move(name), ok, ok ? std::string{} : std::move(reason)});
  };
  const auto link = [&part](std::string name, const broker::LinkStatus& status) {
    part(std::move(name), status.connected, status.last_error.empty() ? "not connected yet" : status.last_error);
  };
  const auto pipeline = pipeline_.status();
  const auto database = probe_.answer();
  part("database", database.has_value(), database.has_error() ? database.error().message : std::string{});
  part("writers", !pipeline.database_away, pipeline.database_error);
  link("broker.delivery", pipeline.delivery_link);
  link("broker.control", control_.status());
  const auto publish = publisher_.status();
  if (publish.blocked) {
    part("broker.publish", false, "RabbitMQ takes no messages for now: " + publish.blocked_reason);
  } else {
    link("broker.publish", publish);
  }
  link("broker.dead_letters", given_up_.status());
  const auto tenants = reconciler_.ready();
  part("tenants", tenants.has_value(), tenants.has_error() ? tenants.error().message : std::string{});
  if (stopping_) part("daemon", false, "the daemon is stopping");
  readiness.ready = true;
  for (const auto& each : readiness.parts) readiness.ready = readiness.ready && each.ok;
  return readiness;
}

void App::on_consumer_lost(TenantId tenant, const Error& why) noexcept {
  // Each repair in vain loses it again.
  bool news = false;
  {
    const std::lock_guard lock(lost_mutex_);
    news = std::exchange(lost_[tenant], why.message) != why.message;
  }
  if (news) log_.warning("consumer_lost", why.message, {{"tenant", tenant.to_string()}});
  reconciler_.repair(tenant);
}

void App::on_tenant_held(TenantId tenant) noexcept {
  log_.warning("tenant_held", "somebody else holds the tenant's counter in an open transaction; its messages wait",
               {{"tenant", tenant.to_string()}});
}

void App::on_database(bool available, const Error& why) noexcept {
  probe_.ask_now();
  if (!available) watch_tells_database_ = watch_.told_away("database");
  if (watch_tells_database_) return;
  if (available) {
    log_.info("database_back", "the database takes messages again");
  } else {
    log_.error("database_away", why.message);
  }
}

void App::on_part(const PartChange& change) {
  if (change.part == "database" && change.ok) {
    log_.info("database_back", "the database answers again");
  } else if (change.part == "database") {
    log_.error("database_away", change.reason);
  } else if (change.ok) {
    log_.info("ready_again", change.part + " is ready again", {{"part", change.part}});
  } else {
    log_.error("not_ready", change.reason, {{"part", change.part}});
  }
}

void App::on_delivery_link(const Result<std::string>& server) noexcept {
  if (server.has_value()) {
    log_.info("broker_connected", "connected to RabbitMQ", {{"server", *server}});
  } else {
    log_.error("broker_away", server.error().message);
  }
}

void App::on_stray(const std::string& routing_key, const std::string& why) noexcept {
  log_.warning("stray_dead_letter", "a message in the dead-letter queue was dropped: " + why,
               {{"routing_key", routing_key}});
}

void App::on_store(const Result<void>& usable) noexcept {
  probe_.ask_now();
  if (usable.has_value()) {
    log_.info("store_ready", "the database can be used");
    heartbeat_.start();
    given_up_.start();
  } else {
    log_.error("store_not_ready", usable.error().message);
  }
}

void App::on_tenant_delayed(const Tenant& tenant, const Error& why) noexcept {
  log_.warning("tenant_delayed", why.message, {{"tenant", tenant.id.to_string()}, {"name", tenant.name}});
}

void App::on_tenant_full(TenantId tenant) noexcept {
  log_.warning("tenant_full", "the tenant keeps as many bytes as it may; its messages wait in its queue",
               {{"tenant", tenant.to_string()}});
}

void App::on_step(const Tenant& tenant, tenants::Step step) noexcept {
  log_.debug("tenant_step", "done", {{"tenant", tenant.id.to_string()}, {"step", to_string(step)}});
}

void App::on_tenant(const Tenant& tenant, std::string_view what) noexcept {
  {
    const std::lock_guard lock(lost_mutex_);
    lost_.erase(tenant.id);
  }
  log_.info("tenant_" + std::string(what), "tenant " + std::string(what),
            {{"tenant", tenant.id.to_string()}, {"name", tenant.name}});
}

}  // namespace mtmsg::daemon
