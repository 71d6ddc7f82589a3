#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace mtmsg {

/// Every failure a caller may want to tell apart. The names (error_code_name) are part of the HTTP API: they are the
/// `code` of a problem+json, so they never change.
enum class ErrorCode {
  invalid_argument,      ///< the caller's input is wrong
  unauthenticated,       ///< no or bad credentials
  forbidden,             ///< known, but not allowed
  not_found,             ///< no such thing, or not for this caller
  conflict,              ///< exists already, or in a state that forbids this
  precondition_failed,   ///< it changed since the caller looked (If-Match)
  immutable,             ///< fixed when it was created
  too_large,             ///< passes a limit of size
  rate_limited,          ///< try again later, slower
  broker_unavailable,    ///< RabbitMQ is away: nothing is wrong with the request
  broker_rejected,       ///< RabbitMQ refused (nack, returned, channel error)
  database_unavailable,  ///< PostgreSQL is away (SQLSTATE class 08, 40, 53, 55, 57, 58): nothing is wrong with the data
  database_rejected,     ///< PostgreSQL refused the data (class 22, 23, 54)
  schema_outdated,       ///< migrations are pending
  timeout,               ///< took longer than its limit
  stopping,              ///< the daemon is shutting down
  internal,              ///< a bug, or something nobody thought of
};

/// Stable lower-case name, such as "not_found".
std::string_view error_code_name(ErrorCode code) noexcept;

/// An expected failure: what it is, and a sentence for people that names the thing and the way out.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  /// The same error, said from one level up: "context: message".
  Error with_context(std::string_view context) &&;
  friend bool operator==(const Error&, const Error&) = default;
};

/// An unexpected failure, or an expected one that nobody near could handle. Caught once per thread and per request.
class Failure : public std::runtime_error {
 public:
  explicit Failure(Error error);
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

/// A value or an Error. `value()` throws Failure.
template <class T>
using Result = boost::system::result<T, Error>;

/// `return fail(ErrorCode::not_found, "tenant acme does not exist");`
inline Error fail(ErrorCode code, std::string message) {
  return Error{code, std::move(message)};
}

}  // namespace mtmsg
