#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/ids.hpp"
#include "core/result.hpp"

/// Publishing in the API's JSON. Any thread.
namespace mtmsg::wire {

/// {"id"?,"payload"}: `payload` is the raw text of the body, byte for byte, so that 1e400 stays 1e400; it points into
/// the text that was read. `id` is any non-empty string.
struct PublishRequest {
  std::optional<std::string> id;
  std::string_view payload;
};

void append_publish_request(std::string& out, const PublishRequest& request);
/// Strict: invalid_argument names an unknown or wrong field, one that is there twice, or where the JSON breaks.
Result<PublishRequest> read_publish_request(std::string_view json);

/// {"id","status":"queued"}
void append_published(std::string& out, MessageId id);
Result<MessageId> read_published(std::string_view json);

/// What became of one line of an NDJSON body; lines count from 1.
/// {"line","id","status":"queued"} or {"line","status":"failed","code","detail"}
struct PublishLine {
  std::size_t line = 0;
  std::variant<MessageId, Error> result;
};

/// The last line when only failures are told (?results=errors): {"lines","queued","failed"}.
struct PublishSummary {
  std::uint64_t lines = 0;  ///< that were not empty
  std::uint64_t queued = 0;
  std::uint64_t failed = 0;
  friend bool operator==(const PublishSummary&, const PublishSummary&) = default;
};

void append_publish_summary(std::string& out, const PublishSummary& summary);
Result<PublishSummary> read_publish_summary(std::string_view json);

void append_publish_line(std::string& out, const PublishLine& line);
Result<PublishLine> read_publish_line(std::string_view json);

}  // namespace mtmsg::wire
