#pragma once

#include <string>
#include <string_view>

namespace mtmsg::tls {

/// What OpenSSL last complained of on this thread, in words; its list of complaints is empty afterwards. When it has
/// none, errno's.
std::string take_error(std::string_view otherwise);

/// X509_V_ERR_…: why a server's certificate was not accepted. `host` is the name it was asked for under, `ca` the file
/// of those trusted (empty: the system's).
std::string describe_verification(long result, std::string_view host, std::string_view ca);

}  // namespace mtmsg::tls
