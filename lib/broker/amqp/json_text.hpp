#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Writing JSON that `jsonb` takes whatever the bytes are. Appends to a string the caller reuses. Pure; any thread.
namespace mtmsg::broker::amqp {

/// Valid UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF) without NUL, which text in
/// PostgreSQL cannot hold.
bool is_storable_text(std::string_view text) noexcept;

/// "…" with escapes, or {"base64":"…"} for what is no storable text.
void append_text(std::string& json, std::string_view text);
/// {"base64":"…"}
void append_binary(std::string& json, std::string_view bytes);
/// "…" or "base64:…", without the colon behind it.
void append_key(std::string& json, std::string_view key);

/// "NaN", "Infinity", "-Infinity" as strings, everything else the shortest number that reads back the same.
void append_number(std::string& json, double value);
void append_number(std::string& json, float value);
void append_number(std::string& json, std::int64_t value);
void append_number(std::string& json, std::uint64_t value);
/// value / 10^decimals, every digit written out.
void append_decimal(std::string& json, std::int64_t value, unsigned decimals);

/// Seconds since the epoch as an RFC 3339 string in UTC; after the year 9999, which RFC 3339 lacks, the number.
void append_timestamp(std::string& json, std::uint64_t seconds);

}  // namespace mtmsg::broker::amqp
