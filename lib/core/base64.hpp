#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mtmsg {

/// Base 64 with padding (RFC 4648, section 4), appended. Any thread.
void append_base64(std::string& out, std::string_view bytes);

/// What the text stands for; nullopt when it is not the one way append_base64 would write it.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace mtmsg
