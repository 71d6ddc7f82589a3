#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

/// Errors in the API's JSON (RFC 9457, application/problem+json). Any thread.
namespace mtmsg::wire {

struct Problem {
  std::string type = "about:blank";
  std::string title;
  int status = 500;  ///< of HTTP
  std::string detail;
  std::string code;        ///< error_code_name
  std::string request_id;  ///< what the daemon's log calls the request; empty: not told
  friend bool operator==(const Problem&, const Problem&) = default;
};

/// {"type","title","status","detail","code","request_id"}
void append_problem(std::string& out, const Problem& problem);
/// Every member may be absent (RFC 9457, 3.1). invalid_argument only when it is no JSON object.
Result<Problem> read_problem(std::string_view json);

/// The inverse of error_code_name.
std::optional<ErrorCode> error_code_from(std::string_view name) noexcept;

}  // namespace mtmsg::wire
