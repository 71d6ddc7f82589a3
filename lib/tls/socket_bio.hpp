#pragma once

#include <openssl/bio.h>

namespace mtmsg::tls {

/// OpenSSL's way to a socket that never blocks and that it does not own. Unlike its own one it raises no SIGPIPE.
/// Null: out of memory.
BIO* make_socket_bio(int fd) noexcept;

}  // namespace mtmsg::tls
