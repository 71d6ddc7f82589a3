#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/framing.hpp"

/// W3C Trace Context, level 1. What is not valid is as if it were not there (3.2.2.5), and nothing is invented. Pure.
namespace mtmsg::http {

struct TraceContext {
  std::string_view parent;  ///< traceparent; empty: none
  std::string state;        ///< tracestate, its lines joined; empty: none, or longer than 512 characters

  /// As headers of a message.
  std::vector<std::pair<std::string, std::string>> headers() const;
};

bool is_traceparent(std::string_view text) noexcept;

/// The views point into the headers.
TraceContext trace_context_of(const std::vector<HeaderLine>& headers);

}  // namespace mtmsg::http
