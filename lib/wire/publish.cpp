#include "wire/publish.hpp"

#include <algorithm>

#include "wire/fields.hpp"
#include "wire/problem.hpp"

namespace mtmsg::wire {
namespace {

constexpr std::string_view kQueued = "queued";
constexpr std::string_view kFailed = "failed";

MessageId take_id(FieldReader& fields) {
  const auto id = MessageId::parse(fields.text("id"));
  if (!id) fields.refuse("field \"id\" is not a UUID");
  return id.value_or(MessageId{});
}

}  // namespace

void append_publish_request(std::string& out, const PublishRequest& request) {
  ObjectWriter object(out);
  if (request.id) object.text("id", *request.id);
  object.raw("payload", request.payload).close();
}

Result<PublishRequest> read_publish_request(std::string_view json) {
  FieldReader fields(json, "message", Reading::exact);
  PublishRequest request{fields.optional_text("id"), fields.raw("payload")};
  if (request.id && request.id->empty()) fields.refuse("field \"id\" must not be empty; leave it out to get one");
  if (auto done = fields.finish(); !done) return done.error();
  return request;
}

void append_published(std::string& out, MessageId id) {
  ObjectWriter object(out);
  object.text("id", id.to_string()).text("status", kQueued).close();
}

Result<MessageId> read_published(std::string_view json) {
  FieldReader fields(json, "answer", Reading::tolerant);
  const auto id = take_id(fields);
  if (auto done = fields.finish(); !done) return done.error();
  return id;
}

void append_publish_line(std::string& out, const PublishLine& line) {
  ObjectWriter object(out);
  object.number("line", line.line);
  if (const auto* id = std::get_if<MessageId>(&line.result)) {
    object.text("id", id->to_string()).text("status", kQueued);
  } else {
    const auto& error = std::get<Error>(line.result);
    object.text("status", kFailed).text("code", error_code_name(error.code)).text("detail", error.message);
  }
  object.close();
}

Result<PublishLine> read_publish_line(std::string_view json) {
  FieldReader fields(json, "answer", Reading::tolerant);
  PublishLine line;
  const auto number = fields.number("line");
  line.line = number > 0 ? static_cast<std::size_t>(number) : 0;
  if (fields.text("status") == kQueued)
    line.result = take_id(fields);
  else
    line.result = Error{error_code_from(fields.text("code")).value_or(ErrorCode::internal),
                        fields.optional_text("detail").value_or("")};
  if (auto done = fields.finish(); !done) return done.error();
  return line;
}

void append_publish_summary(std::string& out, const PublishSummary& summary) {
  ObjectWriter object(out);
  object.number("lines", summary.lines).number("queued", summary.queued).number("failed", summary.failed).close();
}

Result<PublishSummary> read_publish_summary(std::string_view json) {
  FieldReader fields(json, "answer", Reading::tolerant);
  const auto count = [&](std::string_view key) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, fields.number(key)));
  };
  const PublishSummary summary{count("lines"), count("queued"), count("failed")};
  if (auto done = fields.finish(); !done) return done.error();
  return summary;
}

}  // namespace mtmsg::wire
