#include "tls/stream.hpp"

#include <cerrno>
#include <system_error>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/errors.hpp"
#include "tls/socket_bio.hpp"

namespace mtmsg::tls {
namespace {

bool is_address(const std::string& host) {
  unsigned char six[16];
  return ::inet_pton(AF_INET, host.c_str(), six) == 1 || ::inet_pton(AF_INET6, host.c_str(), six) == 1;
}

/// The certificate must be for `host`. An address is not sent as the name of the server (RFC 6066, 3).
bool expect(SSL* native, const std::string& host) {
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host.c_str()) == 1;
  SSL_set_hostflags(native, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SSL_set_tlsext_host_name without the macro's cast.
  auto* const name = const_cast<char*>(host.c_str());
  return SSL_set1_host(native, name) == 1 &&
         SSL_ctrl(native, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
}

}  // namespace

void Stream::Deleter::operator()(ssl_st* native) const noexcept {
  SSL_free(native);
}

Result<Stream::Native> Stream::make(const Context& context, int fd) {
  ERR_clear_error();
  Native native(SSL_new(context.native()));
  BIO* bio = native ? make_socket_bio(fd) : nullptr;
  if (bio == nullptr) return fail(ErrorCode::internal, "no TLS connection: " + take_error("out of memory"));
  SSL_set_bio(native.get(), bio, bio);
  return native;
}

Result<Stream> Stream::server(const Context& context, int fd) {
  auto native = make(context, fd);
  if (native.has_error()) return native.error();
  SSL_set_accept_state(native->get());
  return Stream(std::move(*native), {}, {});
}

Result<Stream> Stream::client(const Context& context, int fd, const std::string& host) {
  auto native = make(context, fd);
  if (native.has_error()) return native.error();
  SSL_set_connect_state(native->get());
  if (!expect(native->get(), host))
    return fail(ErrorCode::invalid_argument, "\"" + host + "\" is no name of a server: " + take_error("refused"));
  return Stream(std::move(*native), host, context.trusted());
}

Io Stream::handshake() {
  ERR_clear_error();
  errno = 0;
  return outcome(SSL_do_handshake(native_.get()));
}

Io Stream::read(std::span<char> into, std::size_t& got) {
  ERR_clear_error();
  errno = 0;
  got = 0;
  return outcome(SSL_read_ex(native_.get(), into.data(), into.size(), &got));
}

Io Stream::write(std::string_view bytes, std::size_t& sent) {
  sent = 0;
  while (sent < bytes.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t part = 0;
    const auto io = outcome(SSL_write_ex(native_.get(), bytes.data() + sent, bytes.size() - sent, &part));
    if (io != Io::done) return io;
    sent += part;
  }
  return Io::done;
}

Io Stream::outcome(int result) {
  if (result > 0) return Io::done;
  switch (SSL_get_error(native_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wants_write_ = false;
      return Io::would_block;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return Io::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return Io::closed;
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      error_ = take_error(errno != 0 ? std::generic_category().message(errno) : "the other side closed the connection");
      return Io::closed;
    default: {
      broken_ = true;
      const auto verified = SSL_is_server(native_.get()) != 0 ? X509_V_OK : SSL_get_verify_result(native_.get());
      error_ = take_error("unknown error");
      if (verified != X509_V_OK) error_ = describe_verification(verified, host_, trusted_);
      return Io::failed;
    }
  }
}

void Stream::say_goodbye() noexcept {
  if (broken_ || SSL_in_init(native_.get()) != 0) return;
  ERR_clear_error();
  (void)SSL_shutdown(native_.get());  // as far as it goes at once: the socket is closed next
  ERR_clear_error();
  broken_ = true;
}

}  // namespace mtmsg::tls
