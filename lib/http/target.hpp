#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace mtmsg::http {

/// A request target (RFC 9112, 3.2.1) taken apart and percent-decoded: "/tenants/acme/messages?cursor=5". A `+` stays
/// a `+` (RFC 3986; the space of HTML forms is not ours), so that a time with an offset needs no escaping.
struct Target {
  std::vector<std::string> segments;  ///< {"tenants","acme","messages"}; none for "/"
  std::vector<std::pair<std::string, std::string>> parameters;

  std::optional<std::string_view> parameter(std::string_view name) const noexcept;
};

/// Error: invalid_argument for a broken percent-encoding, one of a control character or of what is no UTF-8, a
/// fragment, an empty segment, "." or "..", a parameter that is
/// there twice, or more than 16 segments or parameters.
Result<Target> parse_target(std::string_view target);

}  // namespace mtmsg::http
