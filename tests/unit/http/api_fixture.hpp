#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/api.hpp"
#include "http/request_id.hpp"
#include "support/exchanges.hpp"
#include "tests/unit/http/fakes.hpp"
#include "wire/problem.hpp"

/// The API on services in memory, called without a socket.
namespace mtmsg::http {

/// Gives a body in pieces.
class Pieces final : public BodyReader {
 public:
  explicit Pieces(std::string body, std::size_t size = 7) : body_(std::move(body)), size_(size) {}
  boost::system::result<bool, Problem> read(std::string& out) override {
    if (at_ == body_.size()) return false;
    const auto piece = body_.substr(at_, size_);
    out += piece;
    at_ += piece.size();
    return true;
  }

 private:
  std::string body_;
  std::size_t size_;
  std::size_t at_ = 0;
};

inline auth::Peer unix_peer() {
  auth::Peer peer;
  peer.transport = auth::Peer::Transport::unix_socket;
  return peer;
}

class ApiTest : public testing::Test {
 protected:
  struct Options {
    std::string_view type = {};
    std::string_view accept = {};
    auth::Peer peer = unix_peer();
    std::vector<HeaderLine> headers = {};
  };

  Response call(std::string_view method, std::string_view target, std::string body = {}) {
    return call(method, target, std::move(body), Options{});
  }
  Response call(std::string_view method, std::string_view target, std::string body, const Options& options) {
    auto headers = options.headers;
    if (!options.type.empty()) headers.push_back({"content-type", options.type});
    if (!options.accept.empty()) headers.push_back({"Accept", options.accept});
    Pieces pieces(std::move(body));
    Request request{method, target, headers, options.peer, pieces, request_id_of(headers), trace_context_of(headers)};
    // Kept, because streams go on using it.
    apis_.emplace_back(world_.services(), auth::Authenticator(auth::Mode::jwt));
    auto response = apis_.back().handle(request);
    record(method, target, options, response);
    return response;
  }
  /// For tests/web/validate_exchanges. Of a stream only the head: its body is the test's.
  static void record(std::string_view method, std::string_view target, const Options& options,
                     const Response& response) {
    if (response.later) return;  // not answered yet
    client::Exchange exchange{method, target, options.type, {}, response.status, response.headers, response.body};
    exchange.headers.emplace_back("Content-Type", response.content_type);
    exchange.whole = !response.stream;
    if (response.header("Content-Encoding")) {
      exchange.body = {};
      exchange.whole = false;
    }
    test::record_exchange(exchange);
  }
  static std::string code(const Response& response) { return wire::read_problem(response.body).value().code; }
  static std::string detail(const Response& response) { return wire::read_problem(response.body).value().detail; }
  TenantId tenant(const std::string& name = "acme") { return world_.tenants.create({name, {}}).value().id; }
  Response lines(std::string body) {
    return call("POST", "/tenants/acme/messages", std::move(body), {.type = "application/x-ndjson"});
  }

  fakes::World world_;
  std::deque<Api> apis_;
};

}  // namespace mtmsg::http
