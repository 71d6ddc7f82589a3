#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mtmsg::ctl {

/// Appends `text`, broken between words so that no line passes `width` (a word that does stands alone); the lines after
/// the first begin with `indent` blanks, and the first is taken to begin there. Control characters become "?". Pure.
void append_prose(std::string& out, std::string_view text, std::size_t indent, std::size_t width);

}  // namespace mtmsg::ctl
