#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/result.hpp"

struct ssl_ctx_st;

/// The edge to OpenSSL. What it fails at becomes mtmsg::Error here, and names the file it was about.
namespace mtmsg::tls {

/// What a server shows, and whom it lets in. Paths of PEM files.
struct ServerFiles {
  std::string certificate;  ///< its own first, then those up to the CA
  std::string key;
  std::string client_ca;  ///< not empty: a client must show a certificate that one of these signed
};

/// Whom a client trusts, and what it shows. Paths of PEM files; empty ones are left out.
struct ClientFiles {
  std::string ca;  ///< empty: the CAs the system trusts
  std::string certificate;
  std::string key;
};

/// What connections have in common: TLS 1.2 and later, ciphers with forward secrecy, no renegotiation. Constant; any
/// thread. Connections that began with a context go on with it when another one takes its place.
class Context {
 public:
  /// Error: invalid_argument, for a file that can't be read or holds something else, and a key of another certificate.
  static Result<std::shared_ptr<const Context>> server(const ServerFiles& files);
  static Result<std::shared_ptr<const Context>> client(const ClientFiles& files);

  /// The end of the first of our own certificates to expire; none without one.
  std::optional<std::chrono::system_clock::time_point> not_after() const noexcept { return not_after_; }
  /// The file of the CAs that a server must be of; empty: the system's.
  const std::string& trusted() const noexcept { return trusted_; }
  ssl_ctx_st* native() const noexcept { return native_.get(); }

 private:
  struct Deleter {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  using Native = std::unique_ptr<ssl_ctx_st, Deleter>;

  Context(Native native, std::string trusted) noexcept;

  Native native_;
  std::string trusted_;
  std::optional<std::chrono::system_clock::time_point> not_after_;
};

/// Makes a context that another library made trust and show what `files` says. Error: as Context.
Result<void> use_files(ssl_ctx_st* context, const ClientFiles& files);

}  // namespace mtmsg::tls
