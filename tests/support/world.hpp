#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/session.hpp"
#include "client/client.hpp"
#include "support/process.hpp"

namespace pqxx {
class result;
}

/// A daemon with a database and a queue namespace of its own, on the servers of tools/sandbox.
namespace mtmsg::test {

/// The servers; throws with the way out when MTMSG_DATABASE_URL or MTMSG_BROKER_URL is not set.
std::string server_database_url();
std::string broker_url();

/// A statement on the server's own database.
void server_sql(const std::string& statement);
/// Nobody else's, of [a-z0-9_]: for what belongs to the whole server.
std::string unique_name();

/// MTMSG_* variables by name.
using Settings = std::map<std::string, std::string>;

class World {
 public:
  /// `settings` are for every daemon of this world.
  explicit World(Settings settings = {});
  /// Stops daemons, deletes tenants' queues and the database.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// For daemons that start from now on.
  void set(const std::string& name, std::string value) { settings_[name] = std::move(value); }
  void unset(const std::string& name) { settings_.erase(name); }
  /// Starts a daemon and waits until its API answers.
  void launch_daemon();
  /// Starts a daemon and waits until it is ready; throws when it is not within `limit`, and leaves it running.
  void start_daemon(std::chrono::milliseconds limit = std::chrono::seconds(60));
  /// SIGTERM, and waits for its end; the exit code.
  int stop_daemon();
  void kill_daemon();
  Process& daemon() { return *daemon_; }
  std::string log() const;
  /// How many lines of the running daemon's log are of this event, and contain this.
  std::size_t logged(const std::string& event, const std::string& text = {}) const;
  /// What is where, for a failed test's message.
  std::string picture();

  client::Client& client();
  std::string endpoint() const;
  /// Where the API listens over TCP: what the running daemon's log says; throws when it does not.
  std::uint16_t port() const;
  /// The reason why a part is not ready; empty while it is; "no answer" without one. An unknown part throws.
  std::string not_ready(const std::string& part);
  bool ready();
  /// The value of a metric without labels.
  std::int64_t metric(const std::string& name);
  Tenant create_tenant(const std::string& name, unsigned workers = 3);
  /// `count` of them, named prefix-00000, prefix-00001 …, made by several clients at once. `progress` hears every now
  /// and then how many stand; what it throws ends the whole.
  std::vector<TenantId> create_tenants(const std::string& prefix, std::size_t count, unsigned workers,
                                       const std::function<void(std::size_t)>& progress);

  /// Its queue is deleted with the world: of a tenant that create_tenant() did not make.
  void adopt(TenantId tenant) { tenants_.push_back(tenant); }
  /// Its queue as the broker knows it, if there is one.
  std::optional<broker::QueueDepth> queue(TenantId tenant) const;

  /// Another daemon on the same database and broker, once it is ready. Ended with the object.
  std::unique_ptr<Process> start_peer();
  /// The same without waiting until it is ready.
  std::unique_ptr<Process> launch_peer();

  /// One value of SQL on the world's database, as text.
  std::string sql(const std::string& query) const;
  std::int64_t number(const std::string& query) const;
  /// What its daemons' names at the broker begin with.
  const std::string& name_space() const { return name_; }
  std::string dead_letter_exchange() const { return name_ + ".dlx"; }
  std::string dead_letter_queue() const { return name_ + ".dead-letters"; }
  /// Ready messages in the dead-letter queue.
  std::uint64_t dead_letter_queue_depth() const;
  /// Nobody can connect to the world's database any more, and who was connected is not; for the whole scope. What the
  /// world asks the database fails meanwhile, too.
  class DatabaseAway {
   public:
    explicit DatabaseAway(const World& world);
    ~DatabaseAway();
    DatabaseAway(const DatabaseAway&) = delete;
    DatabaseAway& operator=(const DatabaseAway&) = delete;

   private:
    std::string name_;
  };
  /// Rows of messages of all tenants.
  std::int64_t stored() const { return number("select count(*) from messages"); }
  /// Ready and unacknowledged messages in all of the world's tenants' queues.
  bool queues_empty() const;
  std::string database_url() const { return database_url_; }
  const std::string& folder() const { return folder_; }

  /// Every tenant's numbers are 1..n, and no id occurs twice; says what is wrong.
  std::string gaps_and_doubles() const;
  /// With the exchange, of every tenant that was made here.
  void delete_queues();

 private:
  Settings settings_;
  std::string folder_;
  std::string name_;
  std::string database_url_;
  std::unique_ptr<Process> daemon_;
  std::unique_ptr<client::Client> client_;
  std::vector<TenantId> tenants_;
  int starts_ = 0;
  int peers_ = 0;
};

/// Publishes with a client that is not ours (python3-pika): `lines` of JSON, each
/// {"exchange", "routing_key", "body" or "body_base64", "message_id"?, "headers"?, "timestamp"?, "content_type"?}.
/// Every one is confirmed by the broker. Throws with the client's output when it fails.
void foreign_publish(const std::string& lines);

/// A message of `body` to a tenant's exchange, as a line for foreign_publish().
std::string foreign_line(TenantId tenant, const std::string& body, const std::string& message_id = {});

/// The same client makes `count` messages {"n": 1}, {"n": 2} … with random ids for each of the exchanges in turn.
std::unique_ptr<Process> foreign_flood(const World& world, const std::vector<TenantId>& tenants, std::uint64_t count,
                                       std::uint64_t seed);

std::string mtmsgd_path();
std::string mtmsgctl_path();

}  // namespace mtmsg::test
