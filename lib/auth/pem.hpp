#pragma once

#include <string>

#include "auth/algorithm.hpp"
#include "core/result.hpp"

namespace mtmsg::auth {

struct KeyPair {
  std::string public_key;   ///< PEM, SubjectPublicKeyInfo
  std::string private_key;  ///< PEM, PKCS #8; empty when only the public one was given
};

/// Reads a public or an unencrypted private key and checks that it is strong enough and of the algorithm's kind.
/// Error: invalid_argument, saying what is wrong; never a content. Any thread.
Result<KeyPair> read_pem(const std::string& text, Algorithm algorithm);

}  // namespace mtmsg::auth
