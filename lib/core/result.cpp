#include "core/result.hpp"

#include <utility>

namespace mtmsg {

std::string_view error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::unauthenticated:
      return "unauthenticated";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::precondition_failed:
      return "precondition_failed";
    case ErrorCode::immutable:
      return "immutable";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::broker_unavailable:
      return "broker_unavailable";
    case ErrorCode::broker_rejected:
      return "broker_rejected";
    case ErrorCode::database_unavailable:
      return "database_unavailable";
    case ErrorCode::database_rejected:
      return "database_rejected";
    case ErrorCode::schema_outdated:
      return "schema_outdated";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::stopping:
      return "stopping";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

Error Error::with_context(std::string_view context) && {
  return Error{code, std::string(context) + ": " + std::move(message)};
}

Failure::Failure(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw Failure(error);
}

}  // namespace mtmsg
