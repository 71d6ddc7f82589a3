#include "http/handlers.hpp"
#include "http/parameters.hpp"
#include "wire/json_text.hpp"
#include "wire/orphan.hpp"

namespace mtmsg::http {
namespace {

wire::Orphan wire_orphan(const tenants::Orphan& orphan) {
  wire::Orphan out{orphan.stored.tenant, orphan.stored.partition, orphan.stored.bytes, orphan.stored.dead_letters, {}};
  if (orphan.queue) out.queue = wire::QueueDepth{orphan.queue->ready, orphan.queue->consumers};
  return out;
}

}  // namespace

Answer list_orphans(Context& context) {
  std::vector<TenantId> candidates;
  if (auto taken = take(context, "candidate", wire::parse_candidates, candidates); !taken)
    return Problem(taken.error());
  const auto orphans = context.services.tenants.orphans(candidates);
  if (!orphans) return Problem(orphans.error());
  std::vector<wire::Orphan> shown;
  for (const auto& orphan : *orphans) shown.push_back(wire_orphan(orphan));
  std::string out;
  wire::append_orphans(out, shown);
  return Response::json(200, std::move(out));
}

Answer delete_orphan(Context& context) {
  const auto id = TenantId::parse(context.id);
  if (!id) return Problem(fail(ErrorCode::not_found, "an orphan is known by its tenant's id, a UUID; this is none"));
  wire::ObjectWriter(context.note.detail).text("id", id->to_string()).close();
  const auto removed = context.services.tenants.remove_orphan(*id);
  if (!removed) return Problem(removed.error());
  return Response{204, {}, {}, {}, {}};
}

}  // namespace mtmsg::http
