#include "support/world.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <stdexcept>

#include <boost/json.hpp>
#include <pqxx/pqxx>
#include <signal.h>
#include <unistd.h>

#include "broker/control.hpp"
#include "client/transport.hpp"
#include "core/uuid.hpp"
#include "support/exchanges.hpp"
#include "support/paths.hpp"
#include "support/raw_broker.hpp"

namespace mtmsg::test {
namespace {

constexpr auto kStopLimit = std::chrono::seconds(60);
/// What is done to thousands of tenants is done by so many threads.
constexpr std::size_t kThreads = 8;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    throw std::runtime_error(std::string(name) +
                             " is not set: run `tools/sandbox up` and `eval \"$(tools/sandbox env)\"` first");
  }
  return value;
}

/// The same server, another database: the path of a postgresql:// URL is the database's name.
std::string with_database(const std::string& url, const std::string& name) {
  const auto authority = url.find("//") + 2;
  const auto path = url.find('/', authority);
  const auto query = url.find('?', authority);
  const auto base = url.substr(0, std::min(path, query));
  return base + "/" + name + (query == std::string::npos ? "" : url.substr(query));
}

std::string first_value(const std::string& url, const std::string& query) {
  pqxx::connection connection(url);
  pqxx::nontransaction transaction(connection);
  const auto rows = transaction.exec(query);
  return rows.empty() || rows[0][0].is_null() ? std::string{} : std::string(rows[0][0].c_str());
}

}  // namespace

std::string server_database_url() {
  return variable("MTMSG_DATABASE_URL");
}
std::string broker_url() {
  return variable("MTMSG_BROKER_URL");
}
void server_sql(const std::string& statement) {
  first_value(server_database_url(), statement);
}
std::string unique_name() {
  return "mtmsg_test_" + Uuid::v4().to_string().substr(0, 8);
}
std::string mtmsgd_path() {
  return MTMSG_BINARY_DIR "/mtmsgd";
}
std::string mtmsgctl_path() {
  return MTMSG_BINARY_DIR "/mtmsgctl";
}

World::World(Settings settings) : settings_(std::move(settings)) {
  char folder[] = "/tmp/mtmsg-test-XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  folder_ = folder;
  name_ = unique_name();
  server_sql("create database " + name_);
  database_url_ = with_database(server_database_url(), name_);
  settings_.emplace("LSAN_OPTIONS", "suppressions=" MTMSG_SOURCE_DIR "/tests/support/leaks.supp");
  settings_.emplace("MTMSG_DATABASE_URL", database_url_);
  settings_.emplace("MTMSG_BROKER_URL", broker_url());
  settings_.emplace("MTMSG_BROKER_NAMESPACE", name_);
  settings_.emplace("MTMSG_SOCKET_PATH", folder_ + "/mtmsgd.sock");
  settings_.emplace("MTMSG_HTTP_LISTEN", "127.0.0.1:0");
}

World::~World() {
  if (daemon_) kill_daemon();
  try {
    delete_queues();
    server_sql("drop database if exists " + name_ + " with (force)");
    delete_from_broker(dead_letter_queue(), dead_letter_exchange());
  } catch (const std::exception&) {
    // A world that can't be cleaned up must not hide why its test failed.
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void World::delete_queues() {
  broker::ConnectOptions connect;
  connect.url = broker_url();
  broker::Control control(connect, broker::TopologyOptions{name_});
  control.start();
  eventually([&] { return control.status().connected; });
  std::atomic<std::size_t> next{0};
  const auto some = [&] {
    for (std::size_t i = next++; i < tenants_.size(); i = next++) (void)control.delete_tenant(tenants_[i]);
  };
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < std::min(kThreads, tenants_.size()); ++i) {
    others.push_back(std::async(std::launch::async, some));
  }
  some();
  for (auto& other : others) other.get();
  control.stop();
}

void World::launch_daemon() {
  record_daemon();
  client_.reset();
  daemon_ = std::make_unique<Process>(std::vector<std::string>{mtmsgd_path()}, settings_,
                                      folder_ + "/log." + std::to_string(++starts_));
  const bool answers = eventually([this] { return !daemon_->running() || client().status().has_value(); });
  if (!answers || !daemon_->running()) throw std::runtime_error("mtmsgd does not answer:\n" + log());
}

void World::start_daemon(std::chrono::milliseconds limit) {
  launch_daemon();
  const bool ready = eventually([this] { return !daemon_->running() || this->ready(); }, limit);
  if (!ready || !daemon_->running()) throw std::runtime_error("mtmsgd did not become ready:\n" + log());
}

int World::stop_daemon() {
  daemon_->signal(SIGTERM);
  const auto code = daemon_->wait(kStopLimit);
  if (!code) throw std::runtime_error("mtmsgd did not stop:\n" + log());
  return *code;
}

void World::kill_daemon() {
  daemon_->signal(SIGKILL);
  daemon_->wait(kStopLimit);
}

std::string World::log() const {
  return daemon_ ? daemon_->output() : std::string{};
}

std::size_t World::logged(const std::string& event, const std::string& text) const {
  std::istringstream lines(log());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" event=" + event + " ") != std::string::npos && line.find(text) != std::string::npos) ++count;
  }
  return count;
}

std::string World::picture() {
  std::string text = "stored " + std::to_string(stored());
  for (const auto tenant : tenants_) {
    const auto view = client().tenant(tenant.to_string());
    if (view.has_error()) continue;
    text += "\n" + view->tenant.name + ": messages " + std::to_string(view->messages) + ", waiting at the broker " +
            (view->queue ? std::to_string(view->queue->ready) : "?") + ", unacked " +
            std::to_string(view->activity.unacked) + ", waiting here " + std::to_string(view->activity.waiting) +
            ", consuming " + (view->activity.consuming ? "yes" : "no");
  }
  text += "\nmissing numbers of a flood: " +
          sql("select string_agg(n::text, ' ') from (select n from generate_series(1, (select "
              "max((payload->>'n')::int) from "
              "messages)) as n except select (payload->>'n')::int from messages order by 1 limit 300) as missing");
  return text + "\n" + log();
}

std::string World::endpoint() const {
  return "unix:" + settings_.at("MTMSG_SOCKET_PATH");
}

std::uint16_t World::port() const {
  constexpr std::string_view kKey = " port=";
  const auto text = log();
  const auto line = text.find("event=listening ");
  const auto at = line == std::string::npos ? line : text.find(kKey, line);
  if (at == std::string::npos) throw std::runtime_error("the daemon does not say where it listens:\n" + text);
  return static_cast<std::uint16_t>(std::stoul(text.substr(at + kKey.size(), 5)));
}

client::Client& World::client() {
  if (!client_)
    client_ = std::make_unique<client::Client>(client::Endpoint::parse(endpoint()).value(), client_options());
  return *client_;
}

std::string World::not_ready(const std::string& part) {
  const auto status = client().status();
  if (status.has_error()) return "no answer";
  for (const auto& each : status->readiness.parts) {
    if (each.name == part) return each.ok ? std::string{} : each.reason;
  }
  throw std::runtime_error("there is no part " + part);
}

bool World::ready() {
  const auto status = client().status();
  return status.has_value() && status->readiness.ready;
}

std::int64_t World::metric(const std::string& name) {
  client::Transport transport(client::Endpoint::parse(endpoint()).value(), client_options());
  const auto answer = transport.send({"GET", "/metrics", {}, {}, "text/plain"});
  if (answer.has_error()) throw std::runtime_error("GET /metrics: " + answer.error().error.message);
  const auto at = ("\n" + answer->body).find("\n" + name + " ");
  if (at == std::string::npos) throw std::runtime_error("there is no metric " + name + ":\n" + answer->body);
  return static_cast<std::int64_t>(std::stod(answer->body.substr(at + name.size() + 1)));
}

std::unique_ptr<Process> World::launch_peer() {
  auto settings = settings_;
  const auto number = std::to_string(++peers_);
  settings["MTMSG_SOCKET_PATH"] = folder_ + "/peer." + number + ".sock";
  return std::make_unique<Process>(std::vector<std::string>{mtmsgd_path()}, settings, folder_ + "/peer.log." + number);
}

std::unique_ptr<Process> World::start_peer() {
  auto peer = launch_peer();
  const auto socket = "unix:" + folder_ + "/peer." + std::to_string(peers_) + ".sock";
  client::Client asks(client::Endpoint::parse(socket).value(), client_options());
  const bool ready = eventually([&] {
    const auto status = asks.status();
    return status.has_value() && status->readiness.ready;
  });
  if (!ready) throw std::runtime_error("the peer did not become ready:\n" + peer->output());
  return peer;
}

Tenant World::create_tenant(const std::string& name, unsigned workers) {
  auto tenant = client().create_tenant({name, workers});
  if (tenant.has_error()) throw std::runtime_error("tenant create: " + tenant.error().error.message + "\n" + log());
  tenants_.push_back(tenant->id);
  return *tenant;
}

std::vector<TenantId> World::create_tenants(const std::string& prefix, std::size_t count, unsigned workers,
                                            const std::function<void(std::size_t)>& progress) {
  std::vector<TenantId> made(count);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  const auto some = [&] {
    client::Client own(client::Endpoint::parse(endpoint()).value(), client_options());
    for (std::size_t i = next++; i < count; i = next++) {
      const auto digits = std::to_string(i);
      const auto tenant = own.create_tenant(
          {prefix + "-" + std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits, workers});
      if (tenant.has_error()) {
        next = count;
        throw std::runtime_error("tenant create: " + tenant.error().error.message);
      }
      made[i] = tenant->id;
      ++done;
    }
  };
  std::vector<std::future<void>> clients;
  for (std::size_t i = 0; i < std::min(kThreads, count); ++i) clients.push_back(std::async(std::launch::async, some));
  std::exception_ptr failure;
  for (auto& each : clients) {
    try {
      while (each.wait_for(std::chrono::milliseconds(200)) != std::future_status::ready) progress(done);
      each.get();
    } catch (...) {
      next = count;
      if (!failure) failure = std::current_exception();
    }
  }
  clients.clear();  // waits for those still at their last one
  for (const auto tenant : made) {
    if (tenant != TenantId{}) tenants_.push_back(tenant);
  }
  if (failure) std::rethrow_exception(failure);
  progress(done);
  return made;
}

std::string World::sql(const std::string& query) const {
  return first_value(database_url_, query);
}
std::int64_t World::number(const std::string& query) const {
  const auto value = sql(query);
  return value.empty() ? 0 : std::stoll(value);
}

bool World::queues_empty() const {
  // The broker counts what is unacknowledged only for its operator, so the test asks as one: a passive declare tells
  // what is ready, and the daemon what it holds.
  broker::ConnectOptions connect;
  connect.url = broker_url();
  broker::Control control(connect, broker::TopologyOptions{name_});
  control.start();
  if (!eventually([&] { return control.status().connected; })) return false;
  for (const auto tenant : tenants_) {
    const auto depth = control.depth(tenant);
    if (depth.has_error() || depth->ready != 0) return false;
  }
  return true;
}

std::optional<broker::QueueDepth> World::queue(TenantId tenant) const {
  broker::ConnectOptions connect;
  connect.url = broker_url();
  broker::Control control(connect, broker::TopologyOptions{name_});
  control.start();
  if (!eventually([&] { return control.status().connected; })) throw std::runtime_error("the broker does not answer");
  const auto depth = control.depth(tenant);
  if (depth.has_value()) return *depth;
  if (depth.error().code == ErrorCode::not_found) return std::nullopt;
  throw std::runtime_error("the broker can't say what is in a queue: " + depth.error().message);
}

World::DatabaseAway::DatabaseAway(const World& world) : name_(world.name_) {
  first_value(server_database_url(), "alter database " + name_ + " with allow_connections false");
  first_value(server_database_url(),
              "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '" + name_ + "'");
}

World::DatabaseAway::~DatabaseAway() {
  first_value(server_database_url(), "alter database " + name_ + " with allow_connections true");
}

std::uint64_t World::dead_letter_queue_depth() const {
  const auto script =
      "import pika, sys\nc = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))\n"
      "print(c.channel().queue_declare(sys.argv[2], passive=True).method.message_count)\n";
  const auto finished = run({"/usr/bin/python3", "-c", script, broker_url(), dead_letter_queue()});
  if (finished.exit_code != 0) throw std::runtime_error("the dead-letter queue can't be looked at: " + finished.err);
  return std::stoull(finished.out);
}

std::string World::gaps_and_doubles() const {
  return sql(R"(
    select string_agg(trouble, '; ') from (
      select tenant_id::text || ' has ' || count(*) || ' rows, numbers ' || min(seq) || '..' || max(seq) ||
             ', counter ' || (select last_seq from tenant_counters c where c.tenant_id = m.tenant_id) ||
             ', ' || count(distinct id) || ' ids' as trouble
      from messages m group by tenant_id
      having min(seq) <> 1 or max(seq) <> count(*) or count(distinct id) <> count(*)
          or max(seq) <> (select last_seq from tenant_counters c where c.tenant_id = m.tenant_id)
      union all
      select tenant_id::text || ': created_at goes down at ' || seq from (
        select tenant_id, seq, created_at, lag(created_at) over (partition by tenant_id order by seq) as before
        from messages) as ordered
      where created_at < before) as troubles)");
}

std::string foreign_line(TenantId tenant, const std::string& body, const std::string& message_id) {
  boost::json::object message{{"exchange", broker::tenant_exchange(tenant)}, {"body", body}};
  if (!message_id.empty()) message["message_id"] = message_id;
  return boost::json::serialize(message) + "\n";
}

void foreign_publish(const std::string& lines) {
  std::vector<std::string> command{"/usr/bin/python3", MTMSG_SOURCE_DIR "/tests/support/foreign_client.py", "--url",
                                   broker_url()};
  const auto finished = run(command, lines, std::chrono::seconds(120));
  if (finished.exit_code != 0) throw std::runtime_error("the foreign client failed: " + finished.err);
}

std::unique_ptr<Process> foreign_flood(const World& world, const std::vector<TenantId>& tenants, std::uint64_t count,
                                       std::uint64_t seed) {
  std::vector<std::string> command{"/usr/bin/python3",
                                   MTMSG_SOURCE_DIR "/tests/support/foreign_client.py",
                                   "--url",
                                   broker_url(),

                                   "--count",
                                   std::to_string(count),
                                   "--seed",
                                   std::to_string(seed)};
  for (const auto tenant : tenants) {
    command.emplace_back("--exchange");
    command.push_back(broker::tenant_exchange(tenant));
  }
  static int floods = 0;
  return std::make_unique<Process>(command, std::map<std::string, std::string>{},
                                   world.folder() + "/flood." + std::to_string(++floods));
}

}  // namespace mtmsg::test
