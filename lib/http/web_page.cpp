#include "http/web_page.hpp"

#include <algorithm>
#include <string>

#include <boost/asio/ip/address.hpp>

#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

/// RFC 3986, 3.2: without a port, and an IPv6 address without its brackets.
std::string_view without_port(std::string_view host) noexcept {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view() : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

bool is_own_name(std::string_view name) noexcept {
  if (iequals(name, "localhost")) return true;
  boost::system::error_code error;
  boost::asio::ip::make_address(std::string(name.substr(0, 64)), error);
  return !error;
}

}  // namespace

bool may_be_foreign_page(std::string_view host, std::string_view origin) noexcept {
  if (!is_own_name(without_port(host))) return true;
  if (origin.empty()) return false;
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme)) return !iequals(origin.substr(scheme.size()), host);
  return true;  // "null" among others: a page that hides where it comes from
}

}  // namespace mtmsg::http
