#include "auth/pem.hpp"

#include <memory>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace mtmsg::auth {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 16'384;  // verifying takes time that grows with the key

using Bio = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free(bio); })>;
using Pkey = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;

Error bad_pem(std::string why) {
  return fail(ErrorCode::invalid_argument, std::move(why));
}

/// OpenSSL's own way would be to ask on the terminal.
int no_password(char*, int, int, void*) noexcept {
  return -1;
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string written(const Bio& bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

Result<void> check_rsa(const EVP_PKEY* key, Algorithm algorithm) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
    return bad_pem("is not an RSA key, as " + std::string(to_string(algorithm)) + " needs");
  const int bits = EVP_PKEY_get_bits(key);
  if (bits >= kLeastRsaBits && bits <= kMostRsaBits) return {};
  return bad_pem("is an RSA key of " + std::to_string(bits) + " bits; it must have 2048 to 16384");
}

Result<void> check_ec(const EVP_PKEY* key, Algorithm algorithm) {
  const auto wanted = curve_of(algorithm);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
    return bad_pem("is not an EC key, as " + std::string(to_string(algorithm)) + " needs");
  char name[64] = "";
  std::size_t size = 0;
  EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &size);
  if (std::string_view(name, size) == wanted) return {};
  return bad_pem("is an EC key of the curve \"" + std::string(name, size) + "\"; " + std::string(to_string(algorithm)) +
                 " needs " + std::string(wanted));
}

}  // namespace

Result<KeyPair> read_pem(const std::string& text, Algorithm algorithm) {
  Pkey key(PEM_read_bio_PrivateKey(reader(text).get(), nullptr, no_password, nullptr));
  const bool is_private = key != nullptr;
  if (!key) key.reset(PEM_read_bio_PUBKEY(reader(text).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!key && text.find("ENCRYPTED") != std::string::npos)
    return bad_pem("is encrypted; the key must be readable without a password");
  if (!key) return bad_pem("holds no key in PEM form (BEGIN PUBLIC KEY or BEGIN PRIVATE KEY)");
  const auto checked =
      kind_of(algorithm) == KeyKind::rsa ? check_rsa(key.get(), algorithm) : check_ec(key.get(), algorithm);
  if (!checked) return checked.error();

  KeyPair pair;
  const Bio public_out(BIO_new(BIO_s_mem()));
  const Bio private_out(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_PUBKEY(public_out.get(), key.get()) == 1) pair.public_key = written(public_out);
  if (is_private &&
      PEM_write_bio_PKCS8PrivateKey(private_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1)
    pair.private_key = written(private_out);
  ERR_clear_error();
  if (pair.public_key.empty() || (is_private && pair.private_key.empty())) return bad_pem("can't be used by OpenSSL");
  return pair;
}

}  // namespace mtmsg::auth
