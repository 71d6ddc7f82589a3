#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.hpp"

struct pg_conn;

/// What integration tests need of PostgreSQL. libpq itself, so that the code under test is not its own witness.
namespace mtmsg::test {

using SqlRows = std::vector<std::vector<std::string>>;

/// A plain session; throws std::runtime_error with PostgreSQL's words.
class SqlSession {
 public:
  explicit SqlSession(const std::string& url);
  SqlRows rows(const std::string& sql);
  /// The first field; "" for NULL or no row.
  std::string one(const std::string& sql);
  void run(const std::string& sql) { rows(sql); }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  std::unique_ptr<pg_conn, Finish> connection_;
};

/// A database of the test's own on the server of MTMSG_DATABASE_URL, dropped at the end whoever is still connected.
class TestDatabase {
 public:
  enum class Schema { migrated, empty };
  explicit TestDatabase(Schema schema = Schema::migrated, const std::string& create_options = "");
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& url() const { return url_; }
  SqlSession& sql() { return *session_; }
  /// A Database as the daemon opens it.
  std::unique_ptr<store::Database> open(store::DatabaseOptions options = {}) const;
  /// The shared one.
  store::Database& store() { return *store_; }

 private:
  std::string server_url_;
  std::string name_;
  std::string url_;
  std::unique_ptr<SqlSession> session_;
  std::unique_ptr<store::Database> store_;
};

/// A tenant that can take messages: row, counter, partition, state active.
TenantId make_tenant(store::Database& database, const std::string& name = "acme");

/// A batch that owns what its messages point to.
class BatchBuilder {
 public:
  explicit BatchBuilder(TenantId tenant) { batch_.push_back({tenant, {}}); }
  /// Adds a message with a fresh id, and gives it back to be changed.
  store::IncomingMessage& add(std::string payload);
  /// Messages from now on are this tenant's.
  BatchBuilder& tenant(TenantId tenant);
  const store::Batch& get() const { return batch_; }

 private:
  std::deque<std::string> texts_;
  store::Batch batch_;
};

/// Waits until it holds, at most ten seconds. False: it never did.
bool eventually(const std::function<bool()>& condition);

}  // namespace mtmsg::test
