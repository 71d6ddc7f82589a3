#include "http/body.hpp"
#include "http/handlers.hpp"
#include "http/message_walk.hpp"
#include "http/parameters.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::http {
namespace {

/// Everything but the cursor, whose form depends on who asks.
Result<PageQuery> read_query(const Context& context) {
  PageQuery query;
  if (auto taken = take(context, "limit", parse_limit, query.limit); !taken) return taken.error();
  if (auto taken = take(context, "since", parse_timestamp, query.since); !taken) return taken.error();
  if (auto taken = take(context, "until", parse_timestamp, query.until); !taken) return taken.error();
  return query;
}

/// A page, or the stream it begins: then `limit` is of the whole stream, and absent means all.
Answer answer_with(const Context& context, MessageWalk walk, unsigned limit) {
  auto first = walk(limit);
  if (!first) return Problem(first.error());
  if (!wants_ndjson(context.request)) {
    std::string out;
    wire::append_page(out, first->rows, first->tail);
    return Response::json(200, std::move(out));
  }
  Response response;
  response.content_type = "application/x-ndjson";
  const auto left = context.target.parameter("limit") ? std::optional<std::size_t>(limit) : std::nullopt;
  response.stream = stream_rows(context.services, std::move(walk), std::move(*first), left, context.request);
  return response;
}

Answer list_of(const Context& context, TenantId tenant) {
  auto query = read_query(context);
  if (!query) return Problem(query.error());
  if (auto taken = take(context, "cursor", parse_cursor, query->cursor); !taken) return Problem(taken.error());
  return answer_with(context, walk_tenant(context.services.messages, context.reader(), tenant, *query), query->limit);
}

/// The message the address names. Error: not_found when it is no UUID.
Result<MessageId> message_id(const Context& context) {
  const auto id = MessageId::parse(context.id);
  if (id) return *id;
  return fail(ErrorCode::not_found, "a message's id is a UUID; there is none like this");
}

}  // namespace

Answer list_messages(Context& context) {
  return list_of(context, context.tenant->id);
}

Answer list_all_messages(Context& context) {
  if (context.principal.tenant) return list_of(context, *context.principal.tenant);
  const auto query = read_query(context);
  if (!query) return Problem(query.error());
  std::optional<GlobalCursor> cursor;
  if (context.parameter("cursor") != "0")
    if (auto taken = take(context, "cursor", parse_global_cursor, cursor); !taken) return Problem(taken.error());
  auto walk = walk_all_tenants(context.services, cursor, *query);
  if (!walk) return Problem(walk.error());
  return answer_with(context, std::move(*walk), query->limit);
}

Answer show_message(Context& context) {
  const auto id = message_id(context);
  if (!id) return Problem(id.error());
  const auto message = context.services.messages.get(context.reader(), context.tenant->id, *id);
  if (!message) return Problem(message.error());
  std::string out;
  wire::append_message(out, *message);
  return Response::json(200, std::move(out));
}

Answer erase_message(Context& context) {
  const auto id = message_id(context);
  if (!id) return Problem(id.error());
  wire::ObjectWriter note(context.note.detail);
  note.text("id", id->to_string());
  const auto erased = context.services.messages.erase(context.tenant->id, *id);
  if (erased) note.number("dead_letters", erased->dead_letters);
  note.close();
  if (!erased) return Problem(erased.error());
  return Response{204, {}, {}, {}, {}};
}

}  // namespace mtmsg::http
