#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mtmsg::broker::amqp {

/// How many tables and arrays may stand around each other, the headers table itself included. What is nested deeper
/// becomes null (broker/headers.hpp). rabbitmq-c sets a limit of its own, which differs from version to version (0.11:
/// the stack; 0.15: a hundred), and takes a message beyond it for the end of the connection.
inline constexpr int kMaxDepth = 64;

/// A content header of fewer bytes can't be nested too deep: an array in an array takes a kind and a length.
inline constexpr std::size_t kShallowBytes = std::size_t{5} * kMaxDepth;

/// The payload of a content header frame (AMQP 0-9-1, 2.3.5.2 and 4.2.5.5) with every table and array below kMaxDepth
/// replaced by void. Nothing when there is none, or when the bytes are no content header: then they may go on as they
/// are. Pure; any thread.
std::optional<std::string> cut_nesting(std::string_view content_header);

}  // namespace mtmsg::broker::amqp
