#include "http/cors.hpp"

#include <algorithm>
#include <utility>

namespace mtmsg::http {
namespace {

constexpr std::string_view kRequestHeaders =
    "Authorization, Content-Type, Accept, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent, "
    "tracestate";
constexpr std::string_view kShownHeaders = "ETag, Location, Retry-After, X-Request-Id";
constexpr std::string_view kPreflightSeconds = "600";

}  // namespace

Cors::Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {
  everybody_ = std::ranges::find(origins_, "*") != origins_.end();
}

bool Cors::allows(std::string_view origin) const noexcept {
  if (origin.empty()) return false;
  return everybody_ || std::ranges::find(origins_, origin) != origins_.end();
}

bool Cors::is_preflight(const Request& request) const noexcept {
  return request.method == "OPTIONS" && !request.header("Access-Control-Request-Method").empty() &&
         allows(request.header("Origin"));
}

Response Cors::preflight(std::string_view methods) {
  Response response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", std::string(methods)},
                      {"Access-Control-Allow-Headers", std::string(kRequestHeaders)},
                      {"Access-Control-Max-Age", std::string(kPreflightSeconds)}};
  return response;
}

void Cors::dress(std::string_view origin, Response& response) const {
  if (origins_.empty()) return;
  // Said to everybody, or a cache would give one origin's answer to another.
  if (!everybody_) response.headers.emplace_back("Vary", "Origin");
  if (!allows(origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", everybody_ ? std::string("*") : std::string(origin));
  response.headers.emplace_back("Access-Control-Expose-Headers", kShownHeaders);
}

}  // namespace mtmsg::http
