#include <algorithm>
#include <chrono>
#include <memory>

#include "http/body.hpp"
#include "http/handlers.hpp"
#include "http/message_walk.hpp"
#include "http/parameters.hpp"
#include "http/waiters.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::http {
namespace {

/// Everything but the cursor, whose form depends on who asks.
Result<PageQuery> read_page_query(const Context& context) {
  PageQuery query;
  if (auto taken = take(context, "limit", parse_limit, query.limit); !taken) return taken.error();
  if (auto taken = take(context, "since", parse_timestamp, query.since); !taken) return taken.error();
  if (auto taken = take(context, "until", parse_timestamp, query.until); !taken) return taken.error();
  return query;
}

/// How rows are shown.
struct Form {
  bool ndjson = false;
  std::optional<std::size_t> stream_limit;  ///< absent: a stream has them all
};

Form form_of(const Context& context, const PageQuery& query) {
  return {wants_ndjson(context.request),
          context.target.parameter("limit") ? std::optional<std::size_t>(query.limit) : std::nullopt};
}

/// A page, or the stream it begins: then `limit` is of the whole stream, and absent means all.
Response show(const Services& services, const Request& request, const Form& form, MessageWalk walk, RowPage first) {
  if (!form.ndjson) {
    std::string out;
    wire::append_page(out, first.rows, first.tail);
    return Response::json(200, std::move(out));
  }
  Response response;
  response.content_type = "application/x-ndjson";
  response.stream = stream_rows(services, std::move(walk), std::move(first), form.stream_limit, request);
  return response;
}

Answer answer_with(const Context& context, MessageWalk walk, const PageQuery& query) {
  auto first = walk(query.limit);
  if (!first) return Problem(first.error());
  return show(context.services, context.request, form_of(context, query), std::move(walk), std::move(*first));
}

/// A reader that waits for a message behind its cursor (wait=). The stream of one who wants NDJSON begins with it.
class WaitingReader : public std::enable_shared_from_this<WaitingReader> {
 public:
  using Clock = std::chrono::steady_clock;

  WaitingReader(const Context& context, TenantId tenant, const PageQuery& query, std::chrono::seconds wait)
      : services_(context.services),
        reader_(context.reader()),
        tenant_(tenant),
        query_(query),
        form_(form_of(context, query)),
        deadline_(Clock::now() + wait),
        place_(services_.waiters.take(tenant)) {}

  Answer answer(Later::Why why, const Request& request) {
    auto walk = walk_tenant(services_.messages, reader_, tenant_, query_);
    // The number heard of before the look: a later one is worth another.
    const auto heard = place_ ? place_->heard() : Sequence{0};
    if (why == Later::Why::called || !last_look_) {
      auto page = walk(query_.limit);
      if (!page) return Problem(page.error());
      last_look_ = std::move(*page);
    }
    const bool empty = last_look_->rows.empty() && !last_look_->tail.truncated;
    if (!empty || why == Later::Why::over || Clock::now() >= deadline_)
      return show(services_, request, form_, std::move(walk), std::move(*last_look_));
    if (!place_) return Problem(Rejection{503, "too many requests wait for messages: ask without wait="});
    return later(std::max(query_.cursor, heard));
  }

 private:
  Response later(Sequence after) {
    Response response;
    response.later = std::make_shared<Later>();
    response.later->deadline = deadline_;
    // Each Later keeps this alive, and with it the place.
    const auto self = shared_from_this();
    response.later->begin = [self, after](Waiters::Call call) { self->place_->await(after, std::move(call)); };
    response.later->resume = [self](Later::Why why, Request& again) { return self->answer(why, again); };
    return response;
  }

  const Services& services_;
  const store::Reader reader_;
  const TenantId tenant_;
  const PageQuery query_;
  const Form form_;
  const Clock::time_point deadline_;
  const std::shared_ptr<Waiters::Place> place_;  ///< taken before the first look; none when too many wait
  std::optional<RowPage> last_look_;
};

Result<std::chrono::seconds> parse_wait(std::string_view text) {
  const auto seconds = parse_cursor(text);
  if (seconds && seconds->value >= 1 && seconds->value <= kLongestWaitSeconds)
    return std::chrono::seconds(seconds->value);
  return fail(ErrorCode::invalid_argument,
              "it is a number of seconds from 1 to " + std::to_string(kLongestWaitSeconds));
}

/// wait=SECONDS. With a beginning in the future, or an end, there might never be anything to wait for.
Result<std::optional<std::chrono::seconds>> read_wait(const Context& context, const PageQuery& query) {
  std::optional<std::chrono::seconds> wait;
  if (auto taken = take(context, "wait", parse_wait, wait); !taken) return taken.error();
  if (wait && query.until)
    return fail(ErrorCode::invalid_argument, "with \"wait\" there is no \"until\": leave one of them away");
  if (wait && query.since && *query.since > now())
    return fail(ErrorCode::invalid_argument, "with \"wait\", \"since\" can't be in the future");
  return wait;
}

Answer list_of(const Context& context, TenantId tenant) {
  auto query = read_page_query(context);
  if (!query) return Problem(query.error());
  if (auto taken = take(context, "cursor", parse_cursor, query->cursor); !taken) return Problem(taken.error());
  const auto wait = read_wait(context, *query);
  if (!wait) return Problem(wait.error());
  if (*wait)
    return std::make_shared<WaitingReader>(context, tenant, *query, **wait)
        ->answer(Later::Why::called, context.request);
  return answer_with(context, walk_tenant(context.services.messages, context.reader(), tenant, *query), *query);
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
  const auto query = read_page_query(context);
  if (!query) return Problem(query.error());
  if (context.target.parameter("wait"))
    return Problem(fail(ErrorCode::invalid_argument,
                        "a walk over all tenants does not wait: \"wait\" is for GET /tenants/{t}/messages"));
  std::optional<GlobalCursor> cursor;
  if (context.parameter("cursor") != "0")
    if (auto taken = take(context, "cursor", parse_global_cursor, cursor); !taken) return Problem(taken.error());
  auto walk = walk_all_tenants(context.services, cursor, *query);
  if (!walk) return Problem(walk.error());
  return answer_with(context, std::move(*walk), *query);
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
