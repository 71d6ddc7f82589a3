#include "tls/context.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/errors.hpp"

namespace mtmsg::tls {
namespace {

/// TLS 1.2's; those of 1.3 are all of this kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

Error trouble(const std::string& what, const std::string& file) {
  return fail(ErrorCode::invalid_argument, what + " " + file + ": " + take_error("unknown error"));
}

/// OpenSSL would say "system lib".
Result<void> check_readable(const std::string& what, const std::string& file) {
  errno = 0;
  const std::ifstream stream(file);
  if (stream) return {};
  return fail(ErrorCode::invalid_argument,
              "can't read " + what + " " + file + ": " + std::generic_category().message(errno));
}

/// Nobody is there to be asked.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<void> use_identity(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  for (const auto& [what, file] : {std::pair{"the certificate", certificate}, std::pair{"the key", key}}) {
    if (auto readable = check_readable(what, file); readable.has_error()) return readable;
  }
  ERR_clear_error();
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return trouble("no certificate in PEM form in", certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_check_private_key(context) == 1)
    return {};
  const auto code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) == ERR_LIB_X509) {  // "key values mismatch", "key type mismatch"
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument, "the key " + key + " is not that of the certificate " + certificate);
  }
  return trouble("no private key in PEM form, without a passphrase, in", key);
}

Result<void> trust(SSL_CTX* context, const std::string& ca) {
  if (auto readable = check_readable("the CA certificates", ca); readable.has_error()) return readable;
  ERR_clear_error();
  if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) == 1) return {};
  return trouble("no certificate in PEM form in", ca);
}

/// Whom a client is told that we trust.
Result<void> name_client_cas(SSL_CTX* context, const std::string& ca) {
  auto* names = SSL_load_client_CA_file(ca.c_str());
  if (names == nullptr) return trouble("no certificate in PEM form in", ca);
  SSL_CTX_set_client_CA_list(context, names);
  return {};
}

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kOurs, sizeof kOurs - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

std::chrono::system_clock::time_point end_of(const X509* certificate) {
  std::tm calendar{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &calendar) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&calendar));
}

std::optional<std::chrono::system_clock::time_point> end_of_all(SSL_CTX* context) {
  const auto* own = SSL_CTX_get0_certificate(context);
  if (own == nullptr) return std::nullopt;
  auto end = end_of(own);
  STACK_OF(X509)* chain = nullptr;
  if (SSL_CTX_get0_chain_certs(context, &chain) == 1) {
    for (int i = 0; i < sk_X509_num(chain); ++i) end = std::min(end, end_of(sk_X509_value(chain, i)));
  }
  return end;
}

void settle(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Connections rest most of their time: then they hold no buffers.
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 0);  // what is not read yet is in the socket, where poll(2) sees it
}

}  // namespace

void Context::Deleter::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

Context::Context(Native native, std::string trusted) noexcept
    : native_(std::move(native)), trusted_(std::move(trusted)), not_after_(end_of_all(native_.get())) {}

Result<std::shared_ptr<const Context>> Context::server(const ServerFiles& files) {
  Native native(SSL_CTX_new(TLS_server_method()));
  if (!native) return fail(ErrorCode::internal, "no TLS context: " + take_error("out of memory"));
  auto* const context = native.get();
  settle(context);
  if (auto used = use_identity(context, files.certificate, files.key); used.has_error()) return used.error();
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  if (files.client_ca.empty()) {
    SSL_CTX_set_num_tickets(context, 1);
  } else {
    if (auto trusted = trust(context, files.client_ca); trusted.has_error()) return trusted.error();
    if (auto named = name_client_cas(context, files.client_ca); named.has_error()) return named.error();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // A session taken up again would not show its certificate again.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
  return std::shared_ptr<const Context>(new Context(std::move(native), {}));
}

Result<std::shared_ptr<const Context>> Context::client(const ClientFiles& files) {
  Native native(SSL_CTX_new(TLS_client_method()));
  if (!native) return fail(ErrorCode::internal, "no TLS context: " + take_error("out of memory"));
  settle(native.get());
  if (auto used = use_files(native.get(), files); used.has_error()) return used.error();
  SSL_CTX_set_verify(native.get(), SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<const Context>(new Context(std::move(native), files.ca));
}

Result<void> use_files(ssl_ctx_st* context, const ClientFiles& files) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (files.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1)
      return fail(ErrorCode::invalid_argument, "can't read the CAs the system trusts: " + take_error("unknown error"));
  } else if (auto trusted = trust(context, files.ca); trusted.has_error()) {
    return trusted;
  }
  if (files.certificate.empty()) return {};
  return use_identity(context, files.certificate, files.key);
}

}  // namespace mtmsg::tls
