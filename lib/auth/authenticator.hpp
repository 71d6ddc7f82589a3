#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/principal.hpp"
#include "auth/token_rules.hpp"
#include "core/result.hpp"

namespace mtmsg::auth {

/// The other end of a connection, as the kernel tells it (never a header).
struct Peer {
  enum class Transport { tcp, unix_socket };
  Transport transport = Transport::tcp;
  bool loopback = false;   ///< TCP from this machine
  std::string address;     ///< TCP: the numeric address; Unix: "unix:uid=1000"
  std::uint16_t port = 0;  ///< TCP
  std::uint32_t uid = 0;   ///< Unix: SO_PEERCRED (unix(7)), of the moment of connect()
  std::uint32_t gid = 0;
  std::int32_t pid = 0;
};

/// Configuration `auth.mode`.
enum class Mode {
  jwt,   ///< TCP callers show a token
  none,  ///< TCP callers from this machine are admin
};

/// Tells who asks. Any thread. A copy shares the rules with its original.
///
/// The Unix socket's file permissions decided who gets in: its peer is admin. On TCP, mode `none` makes a caller on a
/// loopback address admin; with mode `jwt` the caller shows a token; everybody else is unauthenticated, and the message
/// says what to do.
class Authenticator {
 public:
  using Clock = std::function<Seconds()>;

  /// With mode `jwt` there are no keys until use() brings some.
  explicit Authenticator(Mode mode, Clock now = system_now);

  /// From now on; requests that have begun may still be judged by the rules before.
  void use(std::shared_ptr<const TokenRules> rules);

  /// `authorization` is the header's value, empty when there is none. Error: unauthenticated.
  Result<Principal> authenticate(const Peer& peer, std::string_view authorization) const;

  /// Is this caller let in for the place he asks from, whatever he shows? A browser there may be steered by a page.
  bool admits_by_place(const Peer& peer) const noexcept {
    return mode_ == Mode::none && peer.transport == Peer::Transport::tcp;
  }

  static Seconds system_now();

 private:
  struct Shared {
    std::mutex mutex;
    std::shared_ptr<const TokenRules> rules;  ///< guarded by mutex
  };
  Result<Principal> by_token(std::string_view authorization) const;
  std::shared_ptr<const TokenRules> rules() const;

  Mode mode_;
  Clock now_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mtmsg::auth
