#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/pg/connection_settings.hpp"
#include "store/pg/errors.hpp"
#include "store/pg/pqxx.hpp"
#include "store/pg/sessions.hpp"

namespace mtmsg::store::pg {

/// One open session. One thread at a time. Statements throw SqlFailure; also one that was committed when somebody
/// cancelled its wait for the synchronous standby.
class Connection {
 public:
  /// Blocks for at most connect_timeout for each host (store/pg/dial.hpp). Throws SqlFailure (database_unavailable).
  explicit Connection(const ConnectionSettings& settings);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One round trip; several statements separated by `;` are allowed, the result is the last one's.
  pqxx::result exec(const std::string& sql);
  /// One round trip, one statement, planned for these values: it is unnamed, so nothing of it stays in the session
  /// (pgbouncer), and PostgreSQL makes a custom plan that sees one tenant's partition only.
  pqxx::result exec(const std::string& sql, const Params& params);

  /// `sql` ends in COPY … FROM STDIN; the parts are its data. One round trip. Throws SqlFailure, then the transaction
  /// is failed but the session is fine (unless it broke).
  void copy_in(const std::string& sql, std::span<const std::string_view> parts);

  /// The payloads of what was notified (after LISTEN, and outside transactions). Waits for the first, at most `limit`;
  /// an exec() before may have swallowed some.
  std::vector<std::string> notifications(std::chrono::milliseconds limit);

  /// False once broken, or found to take no writes (25006). Also notices, without waiting, that the server closed an
  /// idle session.
  bool alive() noexcept;
  /// No transaction is open or failed.
  bool idle() const noexcept;
  std::shared_ptr<Interrupter> interrupter() const { return interrupter_; }

 private:
  /// What throws in here is translated.
  template <class Work>
  auto run(Work&& work);

  bool standby_may_lack_it_ = false;  ///< said of the last statement
  PGconn* raw_;                       ///< owned by session_
  PqxxConnection session_;
  std::shared_ptr<Interrupter> interrupter_;
  bool read_only_ = false;
};

/// BEGIN … COMMIT around what is done between. The destructor rolls back what was not committed; the connection is
/// broken if that fails, and the pool throws it away.
class Transaction {
 public:
  /// `begin` is sent as it is, in one round trip; it may go on with a first query.
  Transaction(Connection& connection, const std::string& begin);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  /// The result of the first query.
  const pqxx::result& first() const { return first_; }
  void commit() { connection_.exec("commit"); }
  /// Safe to call twice, and on a broken connection.
  void rollback() noexcept;

 private:
  Connection& connection_;
  pqxx::result first_;
};

}  // namespace mtmsg::store::pg
