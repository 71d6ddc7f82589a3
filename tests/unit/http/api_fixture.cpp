#include "tests/unit/http/api_fixture.hpp"

#include "support/exchanges.hpp"
#include "wire/problem.hpp"

namespace mtmsg::http {
namespace {

/// For tests/web/validate_exchanges. Of a stream only the head: its body is the test's.
void record(std::string_view method, std::string_view target, std::string_view type, const Response& response) {
  if (response.later) return;  // not answered yet
  client::Exchange exchange{method, target, type, {}, response.status, response.headers, response.body};
  exchange.headers.emplace_back("Content-Type", response.content_type);
  exchange.whole = !response.stream;
  if (response.header("Content-Encoding")) {
    exchange.body = {};
    exchange.whole = false;
  }
  test::record_exchange(exchange);
}

}  // namespace

Pieces::~Pieces() = default;

boost::system::result<bool, Problem> Pieces::read(std::string& out) {
  if (at_ == body_.size()) return false;
  const auto piece = body_.substr(at_, size_);
  out += piece;
  at_ += piece.size();
  return true;
}

ApiTest::ApiTest() = default;
ApiTest::~ApiTest() = default;

Response ApiTest::call(std::string_view method, std::string_view target, std::string body) {
  return call(method, target, std::move(body), Options{});
}

Response ApiTest::call(std::string_view method, std::string_view target, std::string body, const Options& options) {
  auto headers = options.headers;
  if (!options.type.empty()) headers.push_back({"content-type", options.type});
  if (!options.accept.empty()) headers.push_back({"Accept", options.accept});
  Pieces pieces(std::move(body));
  Request request{method, target, headers, options.peer, pieces, request_id_of(headers), trace_context_of(headers)};
  // Kept, because streams go on using it.
  apis_.emplace_back(world_.services(), auth::Authenticator(auth::Mode::jwt));
  auto response = apis_.back().handle(request);
  record(method, target, options.type, response);
  return response;
}

Response ApiTest::lines(std::string body) {
  return call("POST", "/tenants/acme/messages", std::move(body), {.type = "application/x-ndjson"});
}

std::string ApiTest::code(const Response& response) {
  return wire::read_problem(response.body).value().code;
}
std::string ApiTest::detail(const Response& response) {
  return wire::read_problem(response.body).value().detail;
}

TenantId ApiTest::tenant(const std::string& name) {
  return world_.tenants.create({name, {}}).value().id;
}

}  // namespace mtmsg::http
