#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "tls/context.hpp"

struct ssl_st;

namespace mtmsg::tls {

/// What a call that never blocks achieved.
enum class Io {
  done,
  would_block,  ///< call again, with the same arguments, when the socket is what wants_write() says
  closed,       ///< by the other side
  failed,       ///< error() says why
};

/// One TLS connection over a socket that never blocks, which it does not own. Each call goes as far as it can. One
/// thread at a time. Needs no signal handler: writing to a closed socket is `closed`.
class Stream {
 public:
  /// A record's payload is read whole by a buffer of this size: nothing is then left that poll(2) does not see.
  static constexpr std::size_t kRecord = std::size_t{16} << 10U;

  /// Error: internal (out of memory).
  static Result<Stream> server(const Context& context, int fd);
  /// `host`, a name or an address, is what the server's certificate must be for.
  static Result<Stream> client(const Context& context, int fd, const std::string& host);

  Io handshake();
  /// `into` holds at least kRecord.
  Io read(std::span<char> into, std::size_t& got);
  /// `sent` of `bytes`, also when the rest would block.
  Io write(std::string_view bytes, std::size_t& sent);
  /// Tells the other side that nothing more comes, if that takes no waiting.
  void say_goodbye() noexcept;

  /// After would_block: the socket must become writable, not readable. Reading may write, and the other way round.
  bool wants_write() const noexcept { return wants_write_; }
  /// Why the last call failed. A client's handshake: what is wrong with the server's certificate.
  const std::string& error() const noexcept { return error_; }

 private:
  struct Deleter {
    void operator()(ssl_st* native) const noexcept;
  };
  using Native = std::unique_ptr<ssl_st, Deleter>;

  Stream(Native native, std::string host, std::string trusted) noexcept
      : native_(std::move(native)), host_(std::move(host)), trusted_(std::move(trusted)) {}
  static Result<Native> make(const Context& context, int fd);
  Io outcome(int result);

  Native native_;
  std::string host_;  // of a client, as is
  std::string trusted_;
  std::string error_;
  bool wants_write_ = false;
  bool broken_ = false;  // nothing may be sent any more
};

}  // namespace mtmsg::tls
