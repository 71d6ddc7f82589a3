#pragma once

#include <cstddef>
#include <string>

#include <boost/system/result.hpp>

#include "http/exchange.hpp"

namespace mtmsg::http {

inline constexpr std::size_t kMaxDocumentBytes = 64 << 10;  ///< of a request that is not about messages

/// What the client says the body is.
enum class BodyType { json, ndjson, other };
/// No Content-Type counts as JSON. Parameters (charset) are passed over.
BodyType body_type(const Request& request);
/// Does the client ask for NDJSON (Accept)?
bool wants_ndjson(const Request& request);

/// All of a JSON body. Problems: 413 past `max_bytes`, 415 for another Content-Type (which is also what keeps a web
/// page of another origin from sending it without being asked), and BodyReader's.
boost::system::result<std::string, Problem> read_json_body(Request& request, std::size_t max_bytes = kMaxDocumentBytes);

/// 415 for the body types a route does not take.
Problem unsupported_type(std::string_view wanted);

}  // namespace mtmsg::http
