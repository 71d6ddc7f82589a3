#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/api.hpp"
#include "http/request_id.hpp"
#include "tests/unit/http/fakes.hpp"

/// The API on services in memory, called without a socket.
namespace mtmsg::http {

/// Gives a body in pieces.
class Pieces final : public BodyReader {
 public:
  explicit Pieces(std::string body, std::size_t size = 7) : body_(std::move(body)), size_(size) {}
  ~Pieces() override;
  boost::system::result<bool, Problem> read(std::string& out) override;

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
  ApiTest();
  ~ApiTest() override;

  struct Options {
    std::string_view type = {};
    std::string_view accept = {};
    auth::Peer peer = unix_peer();
    std::vector<HeaderLine> headers = {};
  };

  Response call(std::string_view method, std::string_view target, std::string body = {});
  Response call(std::string_view method, std::string_view target, std::string body, const Options& options);
  /// NDJSON for acme.
  Response lines(std::string body);
  static std::string code(const Response& response);
  static std::string detail(const Response& response);
  TenantId tenant(const std::string& name = "acme");

  fakes::World world_;
  std::deque<Api> apis_;
};

}  // namespace mtmsg::http
