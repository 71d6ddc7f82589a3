#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "http/framing.hpp"

namespace mtmsg::http {

/// An error as the API tells it (RFC 9457). `code` is stable: error_code_name for what the project itself knows, and
/// for what only HTTP knows "method_not_allowed", "unsupported_media_type", "request_timeout", "overloaded".
struct Problem {
  int status = 500;
  std::string code;
  std::string detail;
  std::optional<std::chrono::seconds> retry_after;  ///< set for every 429 and 503
  std::string allow;                                ///< the methods there are, for 405
  std::string challenge;                            ///< WWW-Authenticate, for 401 and 403 (http/challenge.hpp)

  /// 500 `internal`.
  Problem();
  Problem(int status_, std::string_view code_, std::string detail_);
  /// An Error becomes the answer of the same code.
  Problem(const Error& error);  // NOLINT(google-explicit-constructor): that is what handlers return
  /// What the framing refused.
  explicit Problem(const Rejection& rejection);

  /// {"type","title","status","detail","code"} (wire/problem.hpp)
  std::string json() const;
};

inline constexpr std::string_view kProblemType = "application/problem+json";

int status_of(ErrorCode code) noexcept;
/// RFC 9110's reason phrase; "Error" for a status the API does not use.
std::string_view reason_phrase(int status) noexcept;

}  // namespace mtmsg::http
