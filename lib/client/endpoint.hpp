#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace mtmsg::client {

/// Where a daemon listens. A value.
struct Endpoint {
  enum class Scheme { unix_socket, http, https };

  Scheme scheme = Scheme::unix_socket;
  std::string path;  ///< of the socket
  std::string host;  ///< a name or an address, IPv6 without its brackets
  std::uint16_t port = 0;

  /// unix:PATH | http://HOST[:PORT] | https://HOST[:PORT]; IPv6 in brackets; a port left out is 80 or 443; a "/" at
  /// the end is allowed, a path or user is not. Error: invalid_argument that names the forms.
  static Result<Endpoint> parse(std::string_view text);
  /// What parse() takes.
  std::string to_string() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace mtmsg::client
