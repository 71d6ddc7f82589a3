#include "wire/dead_letter.hpp"

#include "core/base64.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

void append_time(ObjectWriter& object, std::string_view key, std::optional<Timestamp> time) {
  if (time)
    object.text(key, format_timestamp(*time));
  else
    object.null(key);
}

bool is_json_object(std::string_view text) {
  return text.starts_with('{') && check_json(text);
}

void append_headers(ObjectWriter& object, std::string_view headers) {
  if (headers.empty())
    object.null("headers");
  else if (is_json_object(headers))
    object.raw("headers", headers);
  else
    object.text("headers", headers);
}

void append_body(ObjectWriter& object, std::string_view body) {
  if (is_utf8(body)) {
    object.text("body", body);
    return;
  }
  auto& out = object.value("body_base64");
  out += '"';
  append_base64(out, body);
  out += '"';
}

std::string take_headers(FieldReader& fields) {
  const auto raw = fields.optional_raw("headers");
  if (!raw || *raw == "null") return {};
  return decode_json_string(*raw).value_or(std::string(*raw));
}

std::string take_body(FieldReader& fields) {
  if (auto text = fields.optional_text("body")) return std::move(*text);
  const auto encoded = fields.optional_text("body_base64");
  if (!encoded) return {};
  auto body = decode_base64(*encoded);
  if (!body) fields.refuse("field \"body_base64\" is no base 64");
  return std::move(body).value_or("");
}

Refusal take_refusal(FieldReader& fields) {
  Refusal refusal;
  const auto reason = parse_dead_reason(fields.text("reason"));
  if (reason)
    refusal.reason = *reason;
  else
    fields.refuse("field \"reason\": " + reason.error().message);
  refusal.detail = fields.text("detail");
  refusal.sqlstate = fields.optional_text("sqlstate").value_or("");
  return refusal;
}

}  // namespace

Result<DeadReason> parse_dead_reason(std::string_view text) {
  if (const auto reason = dead_reason_from(text)) return *reason;
  std::string known;
  for (const auto reason : kDeadReasons) known.append(known.empty() ? "" : ", ").append(to_string(reason));
  return fail(ErrorCode::invalid_argument, "a reason is one of " + known);
}

void append_dead_letter(std::string& out, const DeadLetter& letter, LetterBody body) {
  ObjectWriter object(out);
  object.number("seq", letter.seq.value)
      .text("id", letter.id.to_string())
      .text("tenant_id", letter.tenant.to_string())
      .text("reason", to_string(letter.refusal.reason))
      .text("detail", letter.refusal.detail);
  if (letter.refusal.sqlstate.empty())
    object.null("sqlstate");
  else
    object.text("sqlstate", letter.refusal.sqlstate);
  object.number("deliveries", letter.deliveries).number("tries", letter.tries).number("body_bytes", letter.body_bytes);
  append_headers(object, letter.headers);
  object.text("exchange", letter.exchange).text("routing_key", letter.routing_key);
  append_time(object, "published_at", letter.published_at);
  append_time(object, "failed_at", letter.failed_at);
  append_time(object, "tried_at", letter.tried_at);
  append_time(object, "replayed_at", letter.replayed_at);
  if (body == LetterBody::written) append_body(object, letter.body);
  object.close();
}

Result<DeadLetter> read_dead_letter(std::string_view json) {
  FieldReader fields(json, "dead letter", Reading::tolerant);
  DeadLetter letter;
  letter.seq = Sequence{fields.number("seq")};
  const auto id = MessageId::parse(fields.text("id"));
  const auto tenant = TenantId::parse(fields.text("tenant_id"));
  if (!id || !tenant) fields.refuse("field \"id\" or \"tenant_id\" is not a UUID");
  letter.id = id.value_or(MessageId{});
  letter.tenant = tenant.value_or(TenantId{});
  letter.refusal = take_refusal(fields);
  letter.deliveries = fields.number("deliveries");
  letter.tries = fields.optional_number("tries").value_or(0);
  letter.body_bytes = fields.number("body_bytes");
  letter.headers = take_headers(fields);
  letter.exchange = fields.optional_text("exchange").value_or("");
  letter.routing_key = fields.optional_text("routing_key").value_or("");
  letter.published_at = fields.optional_time("published_at");
  letter.failed_at = fields.time("failed_at");
  letter.tried_at = fields.optional_time("tried_at");
  letter.replayed_at = fields.optional_time("replayed_at");
  letter.body = take_body(fields);
  if (auto done = fields.finish(); !done) return done.error();
  return letter;
}

void append_dead_letters(std::string& out, const std::vector<DeadLetter>& letters, Sequence next_cursor,
                         bool has_more) {
  ObjectWriter object(out);
  append_array(object.value("data"), letters,
               [](std::string& to, const DeadLetter& letter) { append_dead_letter(to, letter, LetterBody::left_out); });
  object.text("next_cursor", std::to_string(next_cursor.value)).flag("has_more", has_more).close();
}

void append_purged(std::string& out, const Purged& purged) {
  ObjectWriter object(out);
  object.number("deleted", purged.deleted);
  if (purged.would_delete)
    object.number("would_delete", *purged.would_delete);
  else
    object.flag("has_more", purged.has_more);
  object.close();
}

Result<Purged> read_purged(std::string_view json) {
  FieldReader fields(json, "answer", Reading::tolerant);
  const Purged purged{fields.number("deleted"), fields.optional_number("would_delete"),
                      fields.optional_flag("has_more").value_or(false)};
  if (auto done = fields.finish(); !done) return done.error();
  return purged;
}

}  // namespace mtmsg::wire
