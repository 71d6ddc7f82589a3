#include "store/pg/errors.hpp"

namespace mtmsg::store::pg {
namespace {

bool is_outage(std::string_view sqlstate) noexcept {
  // 25006: the server became a standby under us. 25P03: it ended an idle transaction, and the session with it.
  // 28, 3D, 42501: it does not let us in, or at its tables; that is mended at the server, and what waits must go on
  // waiting.
  for (const std::string_view full : {"25006", "25P03", "42501"})
    if (sqlstate == full) return true;
  for (const std::string_view prefix : {"08", "28", "3D", "40", "53", "55", "57", "58"})
    if (sqlstate.starts_with(prefix)) return true;
  return false;
}

}  // namespace

ErrorCode code_of(std::string_view sqlstate) noexcept {
  if (sqlstate.empty() || is_outage(sqlstate)) return ErrorCode::database_unavailable;
  for (const std::string_view prefix : {"22", "23", "54"})
    if (sqlstate.starts_with(prefix)) return ErrorCode::database_rejected;
  // Undefined table, column, function or schema: the migrations have not made it.
  for (const std::string_view missing : {"42P01", "42703", "42883", "3F000"})
    if (sqlstate == missing) return ErrorCode::schema_outdated;
  return ErrorCode::internal;
}

std::string first_line(std::string_view report) {
  for (const std::string_view severity : {"ERROR:", "FATAL:", "PANIC:"}) {
    if (!report.starts_with(severity)) continue;
    report.remove_prefix(severity.size());
    report.remove_prefix(std::min(report.find_first_not_of(' '), report.size()));
  }
  return std::string(report.substr(0, report.find('\n')));
}

SqlFailure::SqlFailure(std::string sqlstate, std::string_view report)
    : Failure(Error{code_of(sqlstate), "PostgreSQL: " + first_line(report) +
                                           (sqlstate.empty() ? std::string() : " (SQLSTATE " + sqlstate + ")")}),
      sqlstate_(std::move(sqlstate)) {}

}  // namespace mtmsg::store::pg
