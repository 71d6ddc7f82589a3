#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/framing.hpp"

/// What a request is called: in its answer, in its problem, and in every line of the log about it. Pure; any thread.
namespace mtmsg::http {

inline constexpr std::string_view kRequestIdHeader = "X-Request-Id";

/// 1..128 of [A-Za-z0-9._-]: nothing that could mean something in a header, a log line or JSON.
bool is_request_id(std::string_view text) noexcept;

/// The client's own X-Request-Id when it is one, otherwise a fresh UUIDv7.
std::string request_id_of(const std::vector<HeaderLine>& headers);

}  // namespace mtmsg::http
