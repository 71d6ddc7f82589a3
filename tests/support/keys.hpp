#pragma once

#include <string>
#include <string_view>

/// Keys and tokens for tests: good ones, and such as nobody should make.
namespace mtmsg::test {

struct KeyTexts {
  std::string public_pem;
  std::string private_pem;
};
KeyTexts make_rsa_key(unsigned bits);
/// `curve` as OpenSSL calls it: "prime256v1".
KeyTexts make_ec_key(const char* curve);

std::string base64url(std::string_view bytes);
/// Header and claims as they are, and an HMAC-SHA256 under `secret`.
std::string token_of(std::string_view header, std::string_view claims, std::string_view secret);

/// A file that only its owner reads, unless `mode` says something else.
void write_key_file(const std::string& path, std::string_view content, unsigned mode = 0600);

}  // namespace mtmsg::test
