#include "auth/key.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/keys.hpp"

namespace mtmsg::auth {
namespace {

using test::write_key_file;
using testing::HasSubstr;

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    char folder[] = "/tmp/mtmsg-keys-XXXXXX";
    folder_ = ::mkdtemp(folder);
  }
  ~KeyFile() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  /// What is said of the file.
  std::string refusal(const std::string& name, const std::string& content, unsigned mode = 0600) const {
    write_key_file(path(name), content, mode);
    const auto key = load_key(path(name));
    if (key) return "accepted";
    EXPECT_THAT(key.error().message, HasSubstr(path(name)));
    return key.error().message;
  }

  std::string folder_;
};

TEST_F(KeyFile, GivesItsNameAndItsSecretWithoutTheLineEnd) {
  const std::string secret(32, 'a');
  write_key_file(path("2026.11.HS256.key"), secret + "\n");
  const auto key = load_key(path("2026.11.HS256.key")).value();
  EXPECT_EQ(key.id, "2026.11");
  EXPECT_EQ(key.algorithm, Algorithm::hs256);
  EXPECT_EQ(key.sign_with, secret);
  EXPECT_EQ(key.verify_with, secret);
  write_key_file(path("b.HS256.key"), secret + "\n\n");
  EXPECT_EQ(load_key(path("b.HS256.key"))->sign_with, secret + "\n") << "one line end, not more";
  write_key_file(path("c.HS256.key"), secret + " \r\n");
  EXPECT_EQ(load_key(path("c.HS256.key"))->sign_with, secret + " ");
}

TEST_F(KeyFile, IsRefusedWithAShortSecret) {
  EXPECT_THAT(refusal("a.HS256.key", std::string(31, 'a') + "\n"), HasSubstr("has 31 bytes"));
  EXPECT_THAT(refusal("a.HS384.key", std::string(47, 'a')), HasSubstr("a secret of 48"));
  EXPECT_THAT(refusal("a.HS512.key", std::string(63, 'a')), HasSubstr("a secret of 64"));
  EXPECT_THAT(refusal("b.HS256.key", ""), HasSubstr("has 0 bytes"));
  EXPECT_THAT(refusal("b.HS256.key", std::string(40'000, 'a')), HasSubstr("larger than"));
}

TEST_F(KeyFile, IsRefusedWhenOthersMayReadTheSecretOrWriteAnything) {
  const std::string secret(32, 'a');
  EXPECT_THAT(refusal("a.HS256.key", secret, 0644), HasSubstr("everybody may read it"));
  EXPECT_THAT(refusal("b.HS256.key", secret, 0602), HasSubstr("everybody may write it"));
  EXPECT_EQ(refusal("c.HS256.key", secret, 0640), "accepted");
  const auto pair = test::make_ec_key("prime256v1");
  EXPECT_THAT(refusal("a.ES256.pem", pair.private_pem, 0644), HasSubstr("everybody may read it"));
  EXPECT_EQ(refusal("b.ES256.pem", pair.public_pem, 0644), "accepted");
  EXPECT_THAT(refusal("c.ES256.pem", pair.public_pem, 0666), HasSubstr("everybody may write it"));
}

TEST_F(KeyFile, OfAPairTellsThePublicKeyFromThePrivateOne) {
  const auto pair = test::make_ec_key("secp384r1");
  write_key_file(path("a.ES384.pem"), pair.public_pem);
  write_key_file(path("b.ES384.pem"), pair.private_pem);
  const auto known = load_key(path("a.ES384.pem")).value();
  const auto own = load_key(path("b.ES384.pem")).value();
  EXPECT_EQ(known.sign_with, "");
  EXPECT_EQ(own.verify_with, known.verify_with);
  EXPECT_THAT(own.sign_with, HasSubstr("BEGIN PRIVATE KEY"));
}

TEST_F(KeyFile, IsRefusedWithAWeakOrWrongKey) {
  const auto weak = test::make_rsa_key(1024);
  const auto rsa = test::make_rsa_key(2048);
  const auto p256 = test::make_ec_key("prime256v1");
  const auto p384 = test::make_ec_key("secp384r1");
  EXPECT_THAT(refusal("a.RS256.pem", weak.public_pem), HasSubstr("1024 bits"));
  EXPECT_EQ(refusal("b.RS512.pem", rsa.private_pem), "accepted");
  EXPECT_THAT(refusal("c.RS256.pem", p256.public_pem), HasSubstr("not an RSA key"));
  EXPECT_THAT(refusal("d.ES256.pem", rsa.public_pem), HasSubstr("not an EC key"));
  EXPECT_THAT(refusal("e.ES256.pem", p384.public_pem), HasSubstr("needs prime256v1"));
  EXPECT_THAT(refusal("f.ES512.pem", p256.private_pem), HasSubstr("needs secp521r1"));
  EXPECT_THAT(refusal("g.RS256.pem", "hello"), HasSubstr("holds no key"));
  EXPECT_THAT(refusal("h.RS256.pem", rsa.public_pem.substr(0, 200)), HasSubstr("holds no key"));
  EXPECT_THAT(
      refusal("i.RS256.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
      HasSubstr("encrypted"));
}

TEST_F(KeyFile, HasANameThatPinsTheAlgorithm) {
  const std::string secret(64, 'a');
  for (const char* name : {"HS256.key", ".HS256.key", "a.key", "a.hs256.key", "a.none.key", "a.RS256.key",
                           "a.HS256.pem", "a b.HS256.key", "a.PS256.pem"})
    EXPECT_THAT(refusal(name, secret), HasSubstr("its name must be KID.ALG.key")) << name;
  EXPECT_EQ(parse_key_name("a.HS256.txt"), std::nullopt);
  EXPECT_THAT(load_key(path("gone.HS256.key")).error().message, HasSubstr("can't be read"));
  std::filesystem::create_directory(path("d.HS256.key"));
  EXPECT_THAT(load_key(path("d.HS256.key")).error().message, HasSubstr("is not a file"));
}

TEST_F(KeyFile, InADirectoryIsFoundAndOtherFilesArePassedOver) {
  write_key_file(path("b.HS256.key"), std::string(32, 'b'));
  write_key_file(path("a.HS512.key"), std::string(64, 'a'));
  write_key_file(path("README"), "keys");
  write_key_file(path(".a.HS256.key.swp"), "x");
  write_key_file(path(".hidden.key"), "x");
  const auto keys = load_keys(folder_).value();
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].id, "a");
  EXPECT_EQ(keys[1].id, "b");
}

TEST_F(KeyFile, OfOneIdIsThereOnceOnly) {
  write_key_file(path("a.HS256.key"), std::string(64, 'a'));
  write_key_file(path("a.HS512.key"), std::string(64, 'a'));
  EXPECT_THAT(load_keys(folder_).error().message, HasSubstr("same id"));
}

TEST_F(KeyFile, ThatIsWrongMakesTheWholeDirectoryWrong) {
  write_key_file(path("a.HS256.key"), std::string(64, 'a'));
  write_key_file(path("b.HS256.key"), "short");
  EXPECT_THAT(load_keys(folder_).error().message, HasSubstr("b.HS256.key"));
  EXPECT_THAT(load_keys(path("nowhere")).error().message, HasSubstr("can't read the directory"));
}

TEST_F(KeyFile, ThereAreAHundredOfAtMost) {
  for (int i = 0; i < 101; ++i) write_key_file(path("k" + std::to_string(i) + ".HS256.key"), std::string(32, 'a'));
  EXPECT_THAT(load_keys(folder_).error().message, HasSubstr("more than 100"));
}

}  // namespace
}  // namespace mtmsg::auth
