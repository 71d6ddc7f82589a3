#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

/// JSON as text: read and written without ever passing a value through a double or a tree, so that a payload stays
/// byte for byte what somebody sent or what PostgreSQL rendered. All functions: any thread.
namespace mtmsg::wire {

/// Arrays and objects inside each other; one more is refused. PostgreSQL's own stack gives up earlier.
inline constexpr std::size_t kMaxJsonDepth = 10'000;

/// One JSON text (RFC 8259) with nothing after it but blanks. Error: invalid_argument with the offset.
Result<void> check_json(std::string_view text);

/// Well-formed UTF-8 (RFC 3629), zero bytes included.
bool is_utf8(std::string_view text) noexcept;

/// A JSON string literal with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// One member of an object, or one element of an array (then `key` is empty). `raw` points into the text that was
/// read, without the blanks around it.
struct RawMember {
  std::string key;
  std::string_view raw;
};

/// The members of an object, in order. Error: invalid_argument when `text` is not JSON, not an object, or has a key
/// twice. `what` names the thing in the message.
Result<std::vector<RawMember>> split_object(std::string_view text, std::string_view what);

/// The elements of an array, in order; else as split_object.
Result<std::vector<std::string_view>> split_array(std::string_view text, std::string_view what);

/// The string a valid JSON string literal stands for; nullopt when `raw` is no string literal.
std::optional<std::string> decode_json_string(std::string_view raw);

/// Appends one object to a string, member by member. close() ends it.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  ObjectWriter& text(std::string_view key, std::string_view value);
  ObjectWriter& flag(std::string_view key, bool value);
  template <std::integral Integer>
  ObjectWriter& number(std::string_view key, Integer value) {
    return raw(key, std::to_string(value));
  }
  /// With one digit behind the point.
  ObjectWriter& decimal(std::string_view key, double value);
  ObjectWriter& null(std::string_view key) { return raw(key, "null"); }
  /// `json` is JSON text and goes in as it is.
  ObjectWriter& raw(std::string_view key, std::string_view json);
  /// Writes the key and returns the string to append one value to.
  std::string& value(std::string_view key);
  void close() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

/// `[…]` of what `append(out, element)` writes for each element.
template <class Range, class Append>
void append_array(std::string& out, const Range& range, Append append) {
  out += '[';
  bool first = true;
  for (const auto& element : range) {
    if (!first) out += ',';
    first = false;
    append(out, element);
  }
  out += ']';
}

}  // namespace mtmsg::wire
