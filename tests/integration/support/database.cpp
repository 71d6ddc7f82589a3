#include "integration/support/database.hpp"

#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <libpq-fe.h>

namespace mtmsg::test {
namespace {

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

std::string server_url() {
  const char* url = std::getenv("MTMSG_DATABASE_URL");
  if (!url) throw std::runtime_error("MTMSG_DATABASE_URL is not set: see tools/sandbox env");
  return url;
}

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

std::string with_database(const std::string& url, const std::string& name) {
  const std::unique_ptr<PQconninfoOption, Clear> parsed(PQconninfoParse(url.c_str(), nullptr));
  if (!parsed) throw std::runtime_error("MTMSG_DATABASE_URL is not a connection string");
  std::string text;
  for (const auto* option = parsed.get(); option->keyword; ++option)
    if (option->val && std::string_view(option->keyword) != "dbname")
      text += std::string(option->keyword) + "=" + quoted(option->val) + " ";
  return text + "dbname=" + quoted(name);
}

}  // namespace

void SqlSession::Finish::operator()(pg_conn* connection) const noexcept {
  PQfinish(connection);
}

SqlSession::SqlSession(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
}

SqlRows SqlSession::rows(const std::string& sql) {
  const std::unique_ptr<PGresult, Clear> result(PQexec(connection_.get(), sql.c_str()));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    throw std::runtime_error(PQerrorMessage(connection_.get()) + sql.substr(0, 200));
  SqlRows all;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& fields = all.emplace_back();
    for (int field = 0; field < PQnfields(result.get()); ++field)
      fields.emplace_back(PQgetvalue(result.get(), row, field),
                          static_cast<std::size_t>(PQgetlength(result.get(), row, field)));
  }
  return all;
}

std::string SqlSession::one(const std::string& sql) {
  const auto all = rows(sql);
  return all.empty() ? std::string() : all.front().front();
}

TestDatabase::TestDatabase(Schema schema, const std::string& create_options) : server_url_(server_url()) {
  auto suffix = Uuid::v4().to_string();
  std::erase(suffix, '-');
  name_ = "mtmsg_test_" + suffix;
  SqlSession(server_url_).run("create database " + name_ + " " + create_options);
  url_ = with_database(server_url_, name_);
  session_ = std::make_unique<SqlSession>(url_);
  store_ = open();
  if (schema == Schema::migrated) store_->migrator().up().value();
}

TestDatabase::~TestDatabase() {
  store_.reset();
  session_.reset();
  try {
    SqlSession(server_url_).run("drop database if exists " + name_ + " with (force)");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "could not drop %s: %s\n", name_.c_str(), error.what());
  }
}

std::unique_ptr<store::Database> TestDatabase::open(store::DatabaseOptions options) const {
  if (options.url.empty()) options.url = url_;
  return store::open_database(std::move(options)).value();
}

TenantId make_tenant(store::Database& database, const std::string& name) {
  const auto tenant = database.tenants().create({name, 3}).value();
  database.tenants().ensure_partition(tenant.id).value();
  database.tenants().mark_active(tenant.id).value();
  return tenant.id;
}

store::IncomingMessage& BatchBuilder::add(std::string payload) {
  auto& message = batch_.back().messages.emplace_back();
  message.id = MessageId{Uuid::v7()};
  message.payload = texts_.emplace_back(std::move(payload));
  message.headers = "{}";
  return message;
}

BatchBuilder& BatchBuilder::tenant(TenantId tenant) {
  batch_.push_back({tenant, {}});
  return *this;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace mtmsg::test
