#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "http/framing.hpp"

namespace mtmsg::http {

/// The codes of what only HTTP knows.
inline constexpr std::array<std::string_view, 7> kHttpCodes{"method_not_allowed",
                                                            "unsupported_media_type",
                                                            "too_many_connections",
                                                            "too_many_slow_requests",
                                                            "too_many_streams",
                                                            "request_timeout",
                                                            "overloaded"};

/// An error as the API tells it (RFC 9457). `code` is stable: error_code_name for what the project itself knows, and
/// one of kHttpCodes for what it does not.
struct Problem {
  int status = 500;
  std::string code;
  std::string detail;
  std::optional<std::chrono::seconds> retry_after;  ///< set for every 429 and 503
  std::string allow;                                ///< the methods there are, for 405
  std::string request_id;                           ///< of the request it answers, where it is known
  std::string challenge;                            ///< WWW-Authenticate, for 401 and 403 (http/challenge.hpp)

  /// 500 `internal`.
  Problem();
  Problem(int status_, std::string_view code_, std::string detail_);
  /// An Error becomes the answer of the same code.
  Problem(const Error& error);  // NOLINT(google-explicit-constructor): that is what handlers return
  /// What the framing refused.
  explicit Problem(const Rejection& rejection);

  /// {"type","title","status","detail","code","request_id"} (wire/problem.hpp)
  std::string json() const;
};

inline constexpr std::string_view kProblemType = "application/problem+json";

int status_of(ErrorCode code) noexcept;
/// RFC 9110's reason phrase; "Error" for a status the API does not use.
std::string_view reason_phrase(int status) noexcept;

}  // namespace mtmsg::http
