#include "http/handlers.hpp"
#include "http/parameters.hpp"
#include "wire/audit.hpp"

namespace mtmsg::http {
namespace {

Result<AuditQuery> read_audit_query(const Context& context) {
  AuditQuery query;
  if (auto taken = take(context, "cursor", parse_cursor, query.cursor); !taken) return taken.error();
  if (auto taken = take(context, "limit", parse_limit, query.limit); !taken) return taken.error();
  if (auto taken = take(context, "order", wire::parse_audit_order, query.order); !taken) return taken.error();
  if (auto taken = take(context, "since", parse_timestamp, query.since); !taken) return taken.error();
  if (auto taken = take(context, "until", parse_timestamp, query.until); !taken) return taken.error();
  query.subject = context.parameter("subject");
  query.tenant = context.parameter("tenant");
  query.action = context.parameter("action");
  return query;
}

}  // namespace

Answer list_audit(Context& context) {
  const auto query = read_audit_query(context);
  if (!query) return Problem(query.error());
  const auto page = context.services.audit.page(*query);
  if (!page) return Problem(page.error());
  std::string out;
  wire::append_audit_page(out, *page);
  return Response::json(200, std::move(out));
}

}  // namespace mtmsg::http
