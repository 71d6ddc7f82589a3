#include "auth/authenticator.hpp"

namespace mtmsg::auth {

Result<Principal> Authenticator::authenticate(const Peer& peer, std::string_view) const {
  if (peer.transport == Peer::Transport::unix_socket) return Principal{peer.address, Role::admin, std::nullopt};
  if (mode_ == Mode::none && peer.loopback) return Principal{"tcp:" + peer.address, Role::admin, std::nullopt};
  if (mode_ == Mode::none)
    return fail(ErrorCode::unauthenticated, "auth.mode is \"none\", which admits callers from this machine only");
  return fail(ErrorCode::unauthenticated, "tokens are not available on TCP yet; use the Unix socket");
}

}  // namespace mtmsg::auth
