#include "wire/message.hpp"

#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

// append_page_tail begins so; a message begins with "seq".
constexpr std::string_view kTailBegin = "{\"next_cursor\":";

std::string_view or_null(const std::string& json) {
  return json.empty() ? std::string_view("null") : std::string_view(json);
}

std::string text_or_empty(std::optional<std::string_view> raw) {
  return !raw || *raw == "null" ? std::string() : std::string(*raw);
}

void write_tail(ObjectWriter& object, const PageTail& tail) {
  object.text("next_cursor", tail.next_cursor).flag("has_more", tail.has_more);
  if (tail.oldest_seq) object.number("oldest_seq", *tail.oldest_seq);
  if (tail.truncated) object.flag("truncated", true);
  object.number("epoch", tail.epoch);
}

PageTail take_tail(FieldReader& fields) {
  PageTail tail;
  tail.next_cursor = fields.text("next_cursor");
  tail.has_more = fields.flag("has_more");
  tail.oldest_seq = fields.optional_number("oldest_seq");
  tail.truncated = fields.optional_flag("truncated").value_or(false);
  tail.epoch = fields.optional_number("epoch").value_or(1);
  return tail;
}

}  // namespace

void append_message(std::string& out, const StoredMessage& message) {
  ObjectWriter object(out);
  object.number("seq", message.seq.value)
      .text("id", message.id.to_string())
      .text("tenant_id", message.tenant.to_string())
      .raw("payload", message.erased_at ? "null" : or_null(message.payload))
      .raw("headers", message.erased_at ? "null" : or_null(message.headers));
  if (message.published_at)
    object.text("published_at", format_timestamp(*message.published_at));
  else
    object.null("published_at");
  object.text("created_at", format_timestamp(message.created_at));
  if (message.erased_at) object.text("erased_at", format_timestamp(*message.erased_at));
  object.close();
}

Result<StoredMessage> read_message(std::string_view json) {
  FieldReader fields(json, "message", Reading::tolerant);
  StoredMessage message;
  message.seq = Sequence{fields.number("seq")};
  const auto id = MessageId::parse(fields.text("id"));
  const auto tenant = TenantId::parse(fields.text("tenant_id"));
  if (!id || !tenant) fields.refuse("field \"id\" or \"tenant_id\" is not a UUID");
  message.id = id.value_or(MessageId{});
  message.tenant = tenant.value_or(TenantId{});
  message.published_at = fields.optional_time("published_at");
  message.created_at = fields.time("created_at");
  message.erased_at = fields.optional_time("erased_at");
  message.headers = text_or_empty(fields.optional_raw("headers"));
  // A payload may be the JSON value null, and that is not the same as erased.
  message.payload = message.erased_at ? std::string() : std::string(fields.raw("payload"));
  if (auto done = fields.finish(); !done) return done.error();
  return message;
}

PageTail tail_of(const Page& page) {
  return {std::to_string(page.next_cursor.value), page.has_more, page.oldest_seq.value, page.truncated, page.epoch};
}

void append_page(std::string& out, const std::vector<StoredMessage>& rows, const PageTail& tail) {
  ObjectWriter object(out);
  append_array(object.value("data"), rows,
               [](std::string& to, const StoredMessage& message) { append_message(to, message); });
  write_tail(object, tail);
  object.close();
}

void append_page(std::string& out, const Page& page) {
  append_page(out, page.data, tail_of(page));
}

void append_page_tail(std::string& out, const PageTail& tail) {
  ObjectWriter object(out);
  write_tail(object, tail);
  object.close();
}

Result<RawPage> read_page(std::string_view json) {
  FieldReader fields(json, "page", Reading::tolerant);
  const auto data = fields.raw("data");
  RawPage page;
  page.tail = take_tail(fields);
  if (auto done = fields.finish(); !done) return done.error();
  auto rows = split_array(data, "page");
  if (!rows) return rows.error();
  page.rows = std::move(*rows);
  return page;
}

Result<PageTail> read_page_tail(std::string_view json) {
  FieldReader fields(json, "page", Reading::tolerant);
  auto tail = take_tail(fields);
  if (auto done = fields.finish(); !done) return done.error();
  return tail;
}

bool is_page_tail(std::string_view line) noexcept {
  return line.starts_with(kTailBegin);
}

}  // namespace mtmsg::wire
