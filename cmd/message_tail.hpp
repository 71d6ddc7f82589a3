#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cmd/command.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {

void add_message_tail(CLI::App& noun, Action& chosen);

// The lines it shows to people. Pure.

/// Of the column of numbers, where this is the newest now.
std::size_t tail_seq_width(std::int64_t newest);
std::string tail_titles(std::size_t seq_width);
/// `width`: of the terminal, to which the payload is cut; without one it is shown in full.
std::string tail_line(const StoredMessage& message, std::size_t seq_width, std::optional<std::size_t> width);

}  // namespace mtmsg::ctl
