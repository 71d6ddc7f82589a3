#pragma once

#include <cstdint>
#include <string_view>

namespace mtmsg {

/// What PostgreSQL writes for one JSON number stored as `jsonb`, in bytes: `numeric` keeps every digit and knows no
/// exponent, so 1e3 is 4 bytes and 1e-3 is 5. `number` is a number of RFC 8259; of anything else only a guess.
std::uint64_t rendered_number_bytes(std::string_view number) noexcept;

/// What `$1::jsonb::text` is long, in bytes, for a document that PostgreSQL takes: numbers written out, a blank after
/// each comma and colon, escapes resolved where jsonb resolves them. An object's repeated keys count each time, though
/// jsonb keeps only the last. Does not check the grammar, does not recurse, allocates nothing. Any thread.
std::uint64_t rendered_bytes(std::string_view json) noexcept;

}  // namespace mtmsg
