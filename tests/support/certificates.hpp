#pragma once

#include <chrono>
#include <memory>
#include <string>

/// Certificates for tests, as files.
namespace mtmsg::test {

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

struct CertificateWish {
  std::string name = "localhost";
  /// As OpenSSL writes them.
  std::string alternatives = "DNS:localhost,IP:127.0.0.1";
  std::chrono::seconds begins_in{-60};
  std::chrono::seconds ends_in{std::chrono::hours(24 * 90)};
};

/// A private CA that lives in a folder.
class CertificateAuthority {
 public:
  /// Makes FOLDER/NAME.pem; FOLDER exists.
  CertificateAuthority(std::string folder, const std::string& name);
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  const std::string& file() const noexcept { return file_; }
  /// FOLDER/FILE.pem and FOLDER/FILE.key, each put in its place at once; those that stand there are replaced.
  CertificateFiles issue(const std::string& file, const CertificateWish& wish = {}) const;

 private:
  struct Impl;
  std::string folder_;
  std::string file_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::test
