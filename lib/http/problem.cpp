#include "http/problem.hpp"

#include "wire/problem.hpp"

namespace mtmsg::http {
namespace {

std::string_view code_of(const Rejection& rejection) noexcept {
  switch (rejection.status) {
    case 408:
      return "request_timeout";
    case 413:
    case 414:
    case 431:
      return error_code_name(ErrorCode::too_large);
    case 415:
      return "unsupported_media_type";
    case 503:
      return "overloaded";
    default:
      return error_code_name(ErrorCode::invalid_argument);
  }
}

/// What a client should wait: an outage takes longer to go than a queue.
std::optional<std::chrono::seconds> retry_after_of(int status, std::string_view code) {
  using namespace std::chrono_literals;
  if (status == 429 || code == "overloaded") return 1s;
  if (status == 503) return 5s;
  return std::nullopt;
}

}  // namespace

Problem::Problem() : Problem(500, error_code_name(ErrorCode::internal), "an internal error") {}

Problem::Problem(int status_, std::string_view code_, std::string detail_)
    : status(status_), code(code_), detail(std::move(detail_)), retry_after(retry_after_of(status_, code_)) {}

Problem::Problem(const Error& error) : Problem(status_of(error.code), error_code_name(error.code), error.message) {}

Problem::Problem(const Rejection& rejection)
    : Problem(rejection.status, code_of(rejection), std::string(rejection.reason)) {}

std::string Problem::json() const {
  std::string out;
  wire::append_problem(out, {"about:blank", std::string(reason_phrase(status)), status, detail, code, request_id});
  out += '\n';
  return out;
}

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return 400;
    case ErrorCode::unauthenticated:
      return 401;
    case ErrorCode::forbidden:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
    case ErrorCode::immutable:
      return 409;
    case ErrorCode::precondition_failed:
      return 412;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::database_rejected:
      return 422;
    case ErrorCode::rate_limited:
      return 429;
    case ErrorCode::broker_unavailable:
    case ErrorCode::broker_rejected:  // a full queue: later there may be room
    case ErrorCode::database_unavailable:
    case ErrorCode::schema_outdated:
    case ErrorCode::stopping:
      return 503;
    case ErrorCode::timeout:
      return 504;
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace mtmsg::http
