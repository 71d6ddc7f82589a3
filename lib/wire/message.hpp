#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/message.hpp"

/// Messages and pages in the API's JSON. Payloads and headers go through as text. Any thread.
namespace mtmsg::wire {

/// {"seq","id","tenant_id","payload","headers","published_at","created_at"} and "erased_at" when it was erased;
/// an empty payload or headers is null.
void append_message(std::string& out, const StoredMessage& message);
/// The payload and headers of the result are empty where JSON says null.
Result<StoredMessage> read_message(std::string_view json);

/// What a page says besides its rows. The cursor is a string because a listing over all tenants has another form
/// (domain/message.hpp, GlobalCursor).
struct PageTail {
  std::string next_cursor;
  bool has_more = false;
  std::optional<std::int64_t> oldest_seq;  ///< absent in a listing over all tenants
  bool truncated = false;                  ///< written only when true
  std::int64_t epoch = 1;
  friend bool operator==(const PageTail&, const PageTail&) = default;
};

PageTail tail_of(const Page& page);

/// {"data":[…],"next_cursor":"456","has_more","oldest_seq","truncated"?,"epoch"}
void append_page(std::string& out, const std::vector<StoredMessage>& rows, const PageTail& tail);
void append_page(std::string& out, const Page& page);
/// The last line of an NDJSON stream, without the line end: a page's members but for "data".
void append_page_tail(std::string& out, const PageTail& tail);

/// A page as a reader gets it: each row still JSON text, pointing into the text that was read.
struct RawPage {
  std::vector<std::string_view> rows;
  PageTail tail;
};
Result<RawPage> read_page(std::string_view json);
Result<PageTail> read_page_tail(std::string_view json);
/// Tells the last line of a stream from a message without reading all of it.
bool is_page_tail(std::string_view line) noexcept;

}  // namespace mtmsg::wire
