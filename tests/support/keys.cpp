#include "support/keys.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "core/base64.hpp"

namespace mtmsg::test {
namespace {

using Bio = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free(bio); })>;

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

KeyTexts texts_of(EVP_PKEY* made) {
  const std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })> key(made);
  if (!key) throw std::runtime_error("OpenSSL makes no key");
  const Bio public_out(BIO_new(BIO_s_mem()));
  const Bio private_out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(public_out.get(), key.get());
  PEM_write_bio_PrivateKey(private_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(public_out), text_of(private_out)};
}

}  // namespace

KeyTexts make_rsa_key(unsigned bits) {
  return texts_of(EVP_RSA_gen(bits));
}

KeyTexts make_ec_key(const char* curve) {
  return texts_of(EVP_EC_gen(curve));
}

std::string base64url(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  while (text.ends_with('=')) text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::string token_of(std::string_view header, std::string_view claims, std::string_view secret) {
  auto text = base64url(header) + '.' + base64url(claims);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return text + '.' + base64url({reinterpret_cast<const char*>(mac), size});
}

void write_key_file(const std::string& path, std::string_view content, unsigned mode) {
  std::ofstream(path, std::ios::binary) << content;
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
}

}  // namespace mtmsg::test
