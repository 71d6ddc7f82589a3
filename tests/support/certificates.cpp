#include "support/certificates.hpp"

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace mtmsg::test {
namespace {

template <auto Free>
struct With {
  template <class T>
  void operator()(T* thing) const noexcept {
    Free(thing);
  }
};
using Certificate = std::unique_ptr<X509, With<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, With<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, With<X509_EXTENSION_free>>;

void check(bool done) {
  if (!done) throw std::runtime_error("OpenSSL makes no certificate for a test");
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  check(key != nullptr);
  return key;
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate make_certificate(EVP_PKEY* key, const CertificateWish& wish) {
  Certificate certificate(X509_new());
  unsigned char serial[4] = {};
  check(certificate != nullptr && RAND_bytes(serial, sizeof serial) == 1);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                          std::uint64_t{serial[0]} << 16U | serial[1] << 8U | serial[2]);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wish.begins_in.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wish.ends_in.count());
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  return certificate;
}

/// Whoever reads the file while it is written sees the old one.
template <class Write>
void put(const std::string& path, Write write) {
  {
    const Bio file(BIO_new_file((path + ".new").c_str(), "w"));
    check(file != nullptr && write(file.get()) == 1);
  }
  std::filesystem::rename(path + ".new", path);
}

}  // namespace

struct CertificateAuthority::Impl {
  Key key;
  Certificate certificate;
};

CertificateAuthority::CertificateAuthority(std::string folder, const std::string& name)
    : folder_(std::move(folder)), file_(folder_ + "/" + name + ".pem"), impl_(std::make_unique<Impl>()) {
  impl_->key = make_key();
  impl_->certificate = make_certificate(impl_->key.get(), {name, {}, std::chrono::hours(-1), std::chrono::hours(9000)});
  auto* const own = impl_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  extend(own, own, NID_key_usage, "critical,keyCertSign");
  extend(own, own, NID_subject_key_identifier, "hash");
  check(X509_sign(own, impl_->key.get(), EVP_sha256()) > 0);
  put(file_, [own](BIO* file) { return PEM_write_bio_X509(file, own); });
}

CertificateAuthority::~CertificateAuthority() = default;

CertificateFiles CertificateAuthority::issue(const std::string& file, const CertificateWish& wish) const {
  const auto key = make_key();
  const auto certificate = make_certificate(key.get(), wish);
  auto* const issuer = impl_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  extend(certificate.get(), issuer, NID_authority_key_identifier, "keyid");
  if (!wish.alternatives.empty()) extend(certificate.get(), issuer, NID_subject_alt_name, wish.alternatives);
  check(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()) > 0);
  const CertificateFiles files{folder_ + "/" + file + ".pem", folder_ + "/" + file + ".key"};
  put(files.certificate, [&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
  put(files.key,
      [&](BIO* out) { return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return files;
}

}  // namespace mtmsg::test
