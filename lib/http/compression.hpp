#pragma once

#include <cstddef>
#include <string_view>

#include "http/exchange.hpp"

/// gzip for answers (RFC 9110, 12.5.3). The only place that knows zlib. Any thread.
namespace mtmsg::http {

/// Smaller bodies gain nothing: they fit one packet either way.
inline constexpr std::size_t kLeastPackedBytes = 1024;

/// Does this Accept-Encoding prefer gzip to no coding? An absent header, and one that is not understood, do not.
bool takes_gzip(std::string_view accept_encoding) noexcept;

/// Packs the answer's body, or its stream as it goes: what the stream gives is flushed, so that a row reaches the
/// client when it would have without. A stream holds 256 KiB for it. Left alone: what is small or no text, what has a
/// Content-Encoding already, and what has a strong ETag, which names these very bytes (RFC 9110, 8.8.3). Says `Vary`
/// wherever the header decides.
void compress(Response& response, std::string_view accept_encoding);

}  // namespace mtmsg::http
