#include "tls/errors.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace mtmsg::tls {
namespace {

/// In words that say what to look at, for what happens most.
std::string_view known(int library, int reason) {
  if (library != ERR_LIB_SSL) return {};
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_HTTP_REQUEST:
#ifdef SSL_R_RECORD_LAYER_FAILURE
    case SSL_R_RECORD_LAYER_FAILURE:
#endif
      return "the other side does not speak TLS there; is it a port for plain text?";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the other side wants a certificate, and was shown none";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "no certificate was shown";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the other side does not trust the CA of the certificate it was shown";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "the other side says that the certificate it was shown has expired";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      return "the other side does not accept the certificate it was shown, or wants one";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return "the other side refused the handshake: it wants a certificate, or knows no cipher of ours";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "no common version of TLS; at least 1.2 is needed";
    case SSL_R_NO_SHARED_CIPHER:
      return "no common cipher";
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return "the other side closed the connection";
#endif
    default:
      return {};
  }
}

}  // namespace

std::string take_error(std::string_view otherwise) {
  // The last one is the cause nearest to what was called; those before it are often of no help.
  std::string text;
  while (const auto code = ERR_get_error()) {
    const auto words = known(ERR_GET_LIB(code), ERR_GET_REASON(code));
    const auto* reason = ERR_reason_error_string(code);
    if (text.empty() || !words.empty()) text = !words.empty() ? words : reason != nullptr ? reason : "unknown error";
    if (!words.empty()) break;
  }
  ERR_clear_error();
  return text.empty() ? std::string(otherwise) : text;
}

std::string describe_verification(long result, std::string_view host, std::string_view ca) {
  switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is not for the name " + std::string(host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet; is the clock right?";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is of a CA that is not trusted (" +
             (ca.empty() ? "those of the system are" : "those in " + std::string(ca) + " are") + ")";
    default:
      return std::string("its certificate is not accepted: ") + X509_verify_cert_error_string(result);
  }
}

}  // namespace mtmsg::tls
