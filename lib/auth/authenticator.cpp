#include "auth/authenticator.hpp"

#include <utility>

namespace mtmsg::auth {
namespace {

constexpr std::string_view kScheme = "bearer";

/// RFC 6750, 2.1: the scheme in any case, a blank, the token. Empty when it is not of that form.
std::string_view bearer_token(std::string_view authorization) noexcept {
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i)
    if ((authorization[i] | 0x20) != kScheme[i]) return {};
  authorization.remove_prefix(kScheme.size());
  const auto blanks = authorization.find_first_not_of(' ');
  return blanks == 0 || blanks == std::string_view::npos ? std::string_view() : authorization.substr(blanks);
}

}  // namespace

Authenticator::Authenticator(Mode mode, Clock now)
    : mode_(mode), now_(std::move(now)), shared_(std::make_shared<Shared>()) {}

void Authenticator::use(std::shared_ptr<const TokenRules> rules) {
  const std::lock_guard lock(shared_->mutex);
  shared_->rules = std::move(rules);
}

std::shared_ptr<const TokenRules> Authenticator::rules() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->rules;
}

Result<Principal> Authenticator::authenticate(const Peer& peer, std::string_view authorization) const {
  if (peer.transport == Peer::Transport::unix_socket) return Principal{peer.address, Role::admin, std::nullopt};
  if (mode_ == Mode::jwt) return by_token(authorization);
  if (peer.loopback) return Principal{"tcp:" + peer.address, Role::admin, std::nullopt};
  return fail(ErrorCode::unauthenticated, "auth.mode is \"none\", which admits callers from this machine only");
}

Result<Principal> Authenticator::by_token(std::string_view authorization) const {
  const auto known = rules();
  if (!known || known->keys().empty()) {
    return fail(ErrorCode::unauthenticated,
                "no token can be accepted: the daemon has no keys; set auth.keys_dir, or use the Unix socket");
  }
  if (authorization.empty())
    return fail(ErrorCode::unauthenticated, "a token is needed: send the header Authorization: Bearer TOKEN");
  const auto token = bearer_token(authorization);
  if (token.empty())
    return fail(ErrorCode::unauthenticated, "the header Authorization is not of the form \"Bearer TOKEN\"");
  return known->verify(token, now_());
}

Seconds Authenticator::system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace mtmsg::auth
