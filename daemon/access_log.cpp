#include "daemon/access_log.hpp"

namespace mtmsg::daemon {
namespace {

bool is_refusal(const http::Answered& answered) noexcept {
  const bool unknown = answered.request.facts.subject.empty();
  return answered.status == 401 || answered.status == 403 || (answered.status == 429 && unknown);
}

/// The address alone: a stranger has as many ports as he likes.
std::string kind_of(const http::Answered& answered) {
  return answered.request.peer.address + ' ' + answered.request.facts.code;
}

}  // namespace

std::string peer_text(const auth::Peer& peer) {
  if (peer.transport == auth::Peer::Transport::unix_socket) return peer.address;
  const bool six = peer.address.find(':') != std::string::npos;
  return (six ? '[' + peer.address + ']' : peer.address) + ':' + std::to_string(peer.port);
}

void AccessLog::note(const http::Answered& answered) noexcept {
  const auto& request = answered.request;
  if (is_refusal(answered)) refused(answered);
  for (const auto& sum : repeats_.sums(Repeats::Clock::now()))
    log_.info("requests_refused", "more of the same were refused since", {{"what", sum.kind}, {"count", sum.more}});
  if (!log_.writes(LogLevel::debug)) return;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(answered.duration).count();
  log_.debug("request", "answered",
             {{"method", request.method},
              {"route", request.facts.route},
              {"status", answered.status},
              {"code", request.facts.code},
              {"bytes", answered.bytes},
              {"duration_us", micros},
              {"subject", request.facts.subject},
              {"peer", peer_text(request.peer)},
              {"request_id", request.id},
              {"traceparent", request.trace.parent}});
}

void AccessLog::refused(const http::Answered& answered) {
  const auto& request = answered.request;
  if (!repeats_.first(kind_of(answered), Repeats::Clock::now())) return;
  log_.info("request_refused", "the caller was not let in",
            {{"status", answered.status},
             {"code", request.facts.code},
             {"method", request.method},
             {"route", request.facts.route},
             {"subject", request.facts.subject},
             {"peer", peer_text(request.peer)},
             {"request_id", request.id}});
}

}  // namespace mtmsg::daemon
