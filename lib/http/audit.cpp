#include "http/audit.hpp"

#include <string>

namespace mtmsg::http {
namespace {

/// A body's length is bounded, but a log entry is to be small.
constexpr std::size_t kMaxDetailBytes = 8 << 10;
constexpr auto kTooLong = R"({"truncated":true})";

std::string peer_text(const auth::Peer& peer) {
  if (peer.transport == auth::Peer::Transport::unix_socket) return "unix";
  const bool colons = peer.address.find(':') != std::string::npos;
  return (colons ? "[" + peer.address + "]" : peer.address) + ":" + std::to_string(peer.port);
}

}  // namespace

bool is_audited(const Route& route, const Context& context) noexcept {
  return route.effect == Effect::changes && context.note.outcome == AuditNote::Outcome::change;
}

AuditEntry audit_entry(const Route& route, const Context& context, int status, std::string_view code) {
  AuditEntry entry;
  entry.subject = context.principal.subject;
  entry.role = auth::to_string(context.principal.role);
  entry.action = route.action;
  entry.method = route.method;
  entry.route = route.pattern;
  if (context.tenant) {
    entry.tenant = context.tenant->id;
    entry.tenant_name = context.tenant->name;
  }
  entry.detail = context.note.detail.size() > kMaxDetailBytes ? kTooLong : context.note.detail;
  entry.status = status;
  entry.code = code;
  entry.request_id = context.request.id;
  entry.request_id = context.request.id;
  const auto& peer = context.request.peer;
  entry.peer = peer_text(peer);
  if (peer.transport == auth::Peer::Transport::unix_socket) {
    entry.uid = peer.uid;
    entry.pid = peer.pid;
  }
  return entry;
}

void audit(const Route& route, const Context& context, int status, std::string_view code) {
  if (!is_audited(route, context)) return;
  const auto& services = context.services;
  const auto entry = audit_entry(route, context, status, code);
  const bool away = code == error_code_name(ErrorCode::database_unavailable);
  const auto written =
      away ? Result<void>(fail(ErrorCode::database_unavailable, "the database is away")) : services.audit.append(entry);
  if (services.on_change) services.on_change(entry, written);
}

}  // namespace mtmsg::http
