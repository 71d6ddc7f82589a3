#include "store/pg/connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mtmsg::store::pg {
namespace {

// libpq reserves a buffer for the whole of one message, and so does the server.
constexpr std::size_t kCopyPiece = 256U * 1024;

struct Finish {
  void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, Clear>;

PGconn* connect(const ConnectionSettings& settings) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : settings.options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PGconn, Finish> connection(PQconnectdbParams(keys.data(), values.data(), 0));
  if (!connection) throw std::bad_alloc();
  if (PQstatus(connection.get()) != CONNECTION_OK) throw SqlFailure("", PQerrorMessage(connection.get()));
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  return connection.release();
}

[[noreturn]] void throw_failure(PGconn* raw, const PGresult* result) {
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const char* report = result ? PQresultErrorMessage(result) : nullptr;
  if (!report || !*report) report = PQerrorMessage(raw);
  throw SqlFailure(state && PQstatus(raw) == CONNECTION_OK ? state : "", report);
}

template <class Work>
auto translated(PGconn* raw, Work&& work) {
  if (PQstatus(raw) != CONNECTION_OK) throw SqlFailure("", "the connection is broken");
  try {
    return work();
  } catch (const pqxx::sql_error& error) {
    throw SqlFailure(error.sqlstate(), error.what());
  } catch (const pqxx::broken_connection& error) {
    throw SqlFailure("", error.what());
  } catch (const pqxx::failure& error) {
    throw Failure(Error{ErrorCode::internal, std::string("libpqxx: ") + error.what()});
  }
}

}  // namespace

Interrupter::Interrupter(int socket) : fd_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {
  if (fd_ < 0) throw Failure(Error{ErrorCode::database_unavailable, "no file descriptor left for a connection"});
}

Interrupter::~Interrupter() {
  ::close(fd_);
}

void Interrupter::interrupt() noexcept {
  ::shutdown(fd_, SHUT_RDWR);
}

Connection::Connection(const ConnectionSettings& settings)
    : raw_(connect(settings)), session_(raw_), interrupter_(std::make_shared<Interrupter>(PQsocket(raw_))) {}

pqxx::result Connection::exec(const std::string& sql) {
  return translated(raw_, [&] {
    pqxx::nontransaction tx(session_.get());
    return tx.exec(sql);
  });
}

pqxx::result Connection::exec(const std::string& sql, const Params& params) {
  return translated(raw_, [&] {
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

bool Connection::alive() noexcept {
  // An idle session has nothing to read, unless the server said goodbye: that is one read, and the end a second.
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
