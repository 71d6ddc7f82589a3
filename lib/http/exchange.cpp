#include "http/exchange.hpp"

#include "http/ascii.hpp"
#include "http/request_id.hpp"

namespace mtmsg::http {
namespace {

constexpr std::chrono::seconds kRetryAfter{5};

}  // namespace

std::string_view Request::header(std::string_view name) const noexcept {
  for (const auto& line : headers)
    if (iequals(line.name, name)) return line.value;
  return {};
}

Response Response::json(int status, std::string body) {
  body += '\n';
  return {status, "application/json", std::move(body), {}, {}};
}

void Response::add_standard_headers(std::string_view request_id) {
  headers.emplace_back(kRequestIdHeader, request_id);
  if (header("X-Content-Type-Options") == nullptr) headers.emplace_back("X-Content-Type-Options", "nosniff");
  // A problem says it better; /readyz answers 503 without one.
  if ((status == 429 || status == 503) && header("Retry-After") == nullptr)
    headers.emplace_back("Retry-After", std::to_string(kRetryAfter.count()));
  if (header("Cache-Control") == nullptr) headers.emplace_back("Cache-Control", "no-store");
}

const std::string* Response::header(std::string_view name) const noexcept {
  for (const auto& [known, value] : headers)
    if (iequals(known, name)) return &value;
  return nullptr;
}

Response Response::of(const Problem& problem) {
  Response response{problem.status, std::string(kProblemType), problem.json(), {}, {}};
  if (problem.retry_after) response.headers.emplace_back("Retry-After", std::to_string(problem.retry_after->count()));
  if (!problem.allow.empty()) response.headers.emplace_back("Allow", problem.allow);
  if (problem.status == 401 || !problem.challenge.empty())
    response.headers.emplace_back("WWW-Authenticate", problem.challenge.empty() ? "Bearer" : problem.challenge);
  return response;
}

std::string plain_answer(Problem problem, std::string request_id) {
  problem.request_id = std::move(request_id);
  auto response = Response::of(problem);
  response.add_standard_headers(problem.request_id);
  std::string text = "HTTP/1.1 " + std::to_string(problem.status) + ' ' + std::string(reason_phrase(problem.status));
  text += "\r\nContent-Type: " + response.content_type;
  text += "\r\nContent-Length: " + std::to_string(response.body.size());
  for (const auto& [name, value] : response.headers) text.append("\r\n").append(name).append(": ").append(value);
  return text + "\r\nConnection: close\r\n\r\n" + response.body;
}

}  // namespace mtmsg::http
