#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/algorithm.hpp"
#include "core/result.hpp"

namespace mtmsg::auth {

/// A key as its file gave it: `KID.ALG.key` holds a secret for HS*, `KID.ALG.pem` a public or private key for RS* and
/// ES*. The file's name pins the algorithm: a token that says another one is refused, whatever it is signed with.
struct Key {
  std::string id;
  Algorithm algorithm = Algorithm::hs256;
  std::string verify_with;  ///< the secret, or the public key as PEM
  std::string sign_with;    ///< the secret, or the private key as PEM; empty when only the public one is known
  std::string file;
};

/// What the name of a file says; nullopt when it is not of that form. An id is 1 to 128 of [A-Za-z0-9._-] and does not
/// begin with a dot.
struct KeyName {
  std::string id;
  Algorithm algorithm = Algorithm::hs256;
};
std::optional<KeyName> parse_key_name(std::string_view file_name);

/// Reads and checks one file. A secret is the file's bytes without one line end at their end, at least as many as the
/// hash has. RSA keys have 2048 bits or more, EC keys the algorithm's curve. What is secret must not be readable by
/// everybody, and nothing writable by everybody. Error: invalid_argument or not_found, naming the file; never a
/// content.
Result<Key> load_key(const std::string& path);

/// All keys of a directory, by name: every `*.key` and `*.pem` in it must be right, other files and those that begin
/// with a dot are passed over. Two of one id are an error: the token would choose between them. At most 100.
Result<std::vector<Key>> load_keys(const std::string& directory);

}  // namespace mtmsg::auth
