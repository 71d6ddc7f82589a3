#include "store/pg/connection.hpp"

#include <poll.h>

#include "store/pg/dial.hpp"

namespace mtmsg::store::pg {
namespace {

// libpq reserves a buffer for the whole of one message, and so does the server.
constexpr std::size_t kCopyPiece = std::size_t{256} * 1024;

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, Clear>;

PGconn* connect(const ConnectionSettings& settings) {
  PGconn* const connection = dial(settings);
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
  return connection;
}

/// PostgreSQL's answer to a cancel, or to pg_cancel_backend, while a commit waits for the synchronous standby: a
/// warning without a code of its own, and then success (syncrep.c).
bool says_standby_may_lack_it(const PGresult* notice) {
  const char* function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  return function != nullptr && std::string_view(function) == "SyncRepWaitForLSN";
}

/// The session itself takes no writes: its server became a standby, or its database read-only by default. Another one
/// may be better, this one stays so.
bool is_read_only(std::string_view sqlstate) {
  return sqlstate == "25006";
}

[[noreturn]] void throw_failure(PGconn* raw, const PGresult* result) {
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const char* report = result ? PQresultErrorMessage(result) : nullptr;
  if (!report || !*report) report = PQerrorMessage(raw);
  throw SqlFailure(state && PQstatus(raw) == CONNECTION_OK ? state : "", report);
}

/// libpqxx 6 says class 40 (rolled back: just try again) with types of their own, which are no sql_error.
std::string rollback_state(const pqxx::failure& error) {
  if (dynamic_cast<const pqxx::deadlock_detected*>(&error)) return "40P01";
  if (dynamic_cast<const pqxx::serialization_failure*>(&error)) return "40001";
  if (dynamic_cast<const pqxx::statement_completion_unknown*>(&error)) return "40003";
  return dynamic_cast<const pqxx::transaction_rollback*>(&error) ? "40000" : "";
}

/// libpqxx 6 keeps the code of what is not permitted to itself.
std::string state_of(const pqxx::sql_error& error) {
  if (error.sqlstate().empty() && dynamic_cast<const pqxx::insufficient_privilege*>(&error)) return "42501";
  return error.sqlstate();
}

[[noreturn]] void translate(PGconn* raw, const pqxx::failure& error) {
  // libpq knows why the connection ended; libpqxx only tells what it could not do with it afterwards.
  if (PQstatus(raw) != CONNECTION_OK) throw SqlFailure("", *PQerrorMessage(raw) ? PQerrorMessage(raw) : error.what());
  if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&error)) throw SqlFailure(state_of(*sql), error.what());
  if (dynamic_cast<const pqxx::broken_connection*>(&error)) throw SqlFailure("", error.what());
  if (const auto state = rollback_state(error); !state.empty()) throw SqlFailure(state, error.what());
  throw Failure(Error{ErrorCode::internal, std::string("libpqxx: ") + error.what()});
}

template <class Work>
auto translated(PGconn* raw, Work&& work) {
  if (PQstatus(raw) != CONNECTION_OK) throw SqlFailure("", "the connection is broken");
  try {
    return work();
  } catch (const pqxx::failure& error) {
    translate(raw, error);
  }
}

}  // namespace

Connection::Connection(const ConnectionSettings& settings)
    : raw_(connect(settings)), session_(raw_), interrupter_(std::make_shared<Interrupter>(PQsocket(raw_))) {
  PQsetNoticeReceiver(
      raw_,
      [](void* self, const PGresult* notice) noexcept {
        auto& standby_may_lack_it = static_cast<Connection*>(self)->standby_may_lack_it_;
        standby_may_lack_it = standby_may_lack_it || says_standby_may_lack_it(notice);
      },
      this);
  if (settings.sessions) settings.sessions->add(interrupter_);
}

template <class Work>
auto Connection::run(Work&& work) {
  standby_may_lack_it_ = false;
  try {
    auto result = translated(raw_, std::forward<Work>(work));
    // As if the answer had been lost: it is done here, and nobody knows whether it outlives a failover. Whoever tries
    // again finds it, and that commit's own wait is for all before it.
    if (standby_may_lack_it_)
      throw SqlFailure("", "the wait for the synchronous standby was cancelled, which may not have what was committed");
    return result;
  } catch (const SqlFailure& failure) {
    read_only_ = read_only_ || is_read_only(failure.sqlstate());
    throw;
  }
}

pqxx::result Connection::exec(const std::string& sql) {
  return run([&] {
    pqxx::nontransaction tx(session_.get());
    return tx.exec(sql);
  });
}

pqxx::result Connection::exec(const std::string& sql, const Params& params) {
  return run([&] {
    pqxx::nontransaction tx(session_.get());
    return exec_params(tx, sql, params);
  });
}

void Connection::copy_in(const std::string& sql, std::span<const std::string_view> parts) {
  ResultHandle started(PQexec(raw_, sql.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) throw_failure(raw_, started.get());

  bool sent = true;
  for (auto part : parts) {
    while (sent && !part.empty()) {
      const auto piece = part.substr(0, kCopyPiece);
      sent = PQputCopyData(raw_, piece.data(), static_cast<int>(piece.size())) == 1;
      part.remove_prefix(piece.size());
    }
  }
  // Even when sending failed: the server's reason is in what follows.
  PQputCopyEnd(raw_, nullptr);
  ResultHandle verdict(PQgetResult(raw_));
  while (ResultHandle more{PQgetResult(raw_)}) {
  }
  if (!sent || PQresultStatus(verdict.get()) != PGRES_COMMAND_OK) throw_failure(raw_, verdict.get());
}

std::vector<std::string> Connection::notifications(std::chrono::milliseconds limit) {
  std::vector<std::string> payloads;
  const auto take = [&] {
    if (PQconsumeInput(raw_) != 1 || PQstatus(raw_) != CONNECTION_OK) throw SqlFailure("", PQerrorMessage(raw_));
    while (const std::unique_ptr<PGnotify, void (*)(void*)> word{PQnotifies(raw_), PQfreemem})
      payloads.emplace_back(word->extra);
  };
  take();
  if (!payloads.empty()) return payloads;
  pollfd wait{PQsocket(raw_), POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(limit.count())) > 0) take();
  return payloads;
}

bool Connection::alive() noexcept {
  // An idle session has nothing to read, unless the server said goodbye: that is one read, and the end a second.
  if (read_only_) return false;
  return PQconsumeInput(raw_) == 1 && PQconsumeInput(raw_) == 1 && PQstatus(raw_) == CONNECTION_OK;
}

bool Connection::idle() const noexcept {
  return PQtransactionStatus(raw_) == PQTRANS_IDLE;
}

Transaction::Transaction(Connection& connection, const std::string& begin) : connection_(connection) {
  try {
    first_ = connection_.exec(begin);
  } catch (...) {
    rollback();  // BEGIN itself may have succeeded
    throw;
  }
}

Transaction::~Transaction() {
  rollback();
}

void Transaction::rollback() noexcept {
  if (connection_.idle()) return;
  try {
    connection_.exec("rollback");
  } catch (const std::exception&) {
    // It is broken then: alive() says so, and the server rolls back on its own.
  }
}

}  // namespace mtmsg::store::pg
