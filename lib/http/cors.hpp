#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace mtmsg::http {

/// Which web pages of other origins may use the API from a browser (the Fetch standard, "CORS protocol"). Tokens travel
/// in a header the page sets itself, so cookies and the like are never allowed. Pure; any thread.
class Cors {
 public:
  /// Nobody.
  Cors() = default;
  /// Origins as a browser sends them ("https://app.example.org"); "*" alone: every page.
  explicit Cors(std::vector<std::string> origins);

  /// The answer to a browser that asks before it sends (OPTIONS with Origin and Access-Control-Request-Method), for an
  /// address that takes `methods` ("POST, GET, HEAD"). False when this is no such question, or the origin is not
  /// allowed: then it is a request like any other.
  bool is_preflight(const Request& request) const noexcept;
  static Response preflight(std::string_view methods);

  bool allows(std::string_view origin) const noexcept;

  /// Lets a page of this origin (the request's header) read the answer, if it may.
  void dress(std::string_view origin, Response& response) const;

 private:
  bool everybody_ = false;
  std::vector<std::string> origins_;
};

}  // namespace mtmsg::http
