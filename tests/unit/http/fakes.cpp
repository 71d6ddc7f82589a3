#include "tests/unit/http/fakes.hpp"

namespace mtmsg::http::fakes {

Tenants::~Tenants() = default;
Messages::~Messages() = default;
DeadLetters::~DeadLetters() = default;
Migrator::~Migrator() = default;
Audit::~Audit() = default;
World::World() = default;
World::~World() = default;

Services World::services() {
  return {tenants,
          messages,
          dead_letters,
          migrator,
          audit,
          rates,
          waiters,
          [this](TenantId tenant, std::string message_id, std::string body, Headers headers) {
            const std::lock_guard lock(mutex);
            std::promise<Result<void>> promise;
            if (broker_error) {
              promise.set_value(*broker_error);
            } else {
              published.push_back({tenant, std::move(message_id), std::move(body), std::move(headers)});
              promise.set_value({});
            }
            return promise.get_future();
          },
          [this](TenantId tenant, auto letters) { return dead_letters.replay(tenant, letters); },
          [] {
            wire::Status status;
            status.version = "test";
            return status;
          },
          [this] {
            return wire::Readiness{ready, {{"database", ready, ready ? "" : "it is away"}}};
          },
          [] { return std::string("# HELP x\n"); },
          [this] { return stopping.load(); },
          [this](const RequestFailure& failed) {
            const std::lock_guard lock(mutex);
            failures.push_back(std::string(failed.code) + ": " + std::string(failed.detail));
            failed_requests.emplace_back(failed.request_id);
          },
          {},
          [this](const AuditEntry& entry, const Result<void>& written) {
            const std::lock_guard lock(mutex);
            (written ? audited : unaudited).push_back(entry.action);
          },
          limits,
          &callers,
          &cors,
          [this](TenantId) { return tried_again; },
          [this](tenants::Overview::Database database) {
            asked_database = database;
            return std::make_shared<const tenants::Look>(look);
          }};
}

}  // namespace mtmsg::http::fakes
