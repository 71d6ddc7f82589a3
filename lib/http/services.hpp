#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/audit.hpp"
#include "domain/dead_letter.hpp"
#include "store/audit_store.hpp"
#include "store/dead_letter_store.hpp"
#include "store/message_store.hpp"
#include "store/migrations.hpp"
#include "tenants/overview.hpp"
#include "tenants/service.hpp"
#include "wire/status.hpp"

namespace mtmsg::http {

class CallerLimits;
class Cors;
class PublishRates;
class Waiters;

struct ApiLimits {
  std::size_t max_rendered_bytes = 8 << 20;
  std::size_t max_publish_lines = 100'000;  ///< of one NDJSON body whose results are all told: they are kept to its end
  std::size_t max_told_failures = 10'000;   ///< of one whose failures are told only; it may have any number of lines
  std::size_t publish_window = 1000;        ///< messages of one request on their way to the broker
  std::size_t max_tenants_per_page = 500;   ///< visited for one page over all tenants
};

/// An answer of 500 and above, with what was not told to the client.
struct RequestFailure {
  std::string_view route;  ///< its pattern
  std::string_view code;   ///< the problem's
  std::string_view detail;
  std::string_view request_id;
  std::string_view traceparent;  ///< empty: none
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What the API does its work with. All of it may be called on any thread, several at a time, and outlives the Api.
struct Services {
  tenants::TenantService& tenants;
  store::MessageStore& messages;
  store::DeadLetterStore& dead_letters;
  store::Migrator& migrator;
  store::AuditStore& audit;
  PublishRates& rates;
  Waiters& waiters;
  /// broker/publisher.hpp, Publisher::publish
  std::function<std::future<Result<void>>(TenantId, std::string message_id, std::string body, Headers headers)> publish;
  /// Tries these dead letters again, as messages: one result for each, in the order of their numbers. An error when it
  /// could not be found out for all of them (database_unavailable, not_found for the tenant); calling again is safe.
  std::function<Result<std::vector<Replayed>>(TenantId, std::vector<Sequence> letters)> replay;
  std::function<wire::Status()> status;
  std::function<wire::Readiness()> readiness;
  std::function<std::string()> metrics;  ///< Prometheus' text format
  std::function<bool()> stopping;        ///< then everything but health answers 503 `stopping`
  /// Told of every answer of 500 and above, once.
  std::function<void(const RequestFailure& failure)> on_failure;
  /// A migration was applied, or taken back, through the API.
  std::function<void(const store::MigrationStatus& migration)> on_migrated;
  /// Told of every request that was let in to change something, after its handler, and whether that could be written
  /// down: if not, the log has to keep it.
  std::function<void(const AuditEntry& entry, const Result<void>& written)> on_change;
  ApiLimits limits;
  CallerLimits* callers = nullptr;  ///< none: nobody is held back
  const Cors* cors = nullptr;       ///< none: no page of another origin
  /// How many messages of a tenant the broker gave up and are tried once more. Empty: nobody knows.
  std::function<std::size_t(TenantId)> tried_again{};
  /// tenants/overview.hpp, Overview::look
  std::function<std::shared_ptr<const tenants::Look>(tenants::Overview::Database)> look{};
};

}  // namespace mtmsg::http
