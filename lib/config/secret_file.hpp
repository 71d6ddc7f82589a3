#pragma once

#include <string>

#include "core/result.hpp"

namespace mtmsg::config {

/// The one line a small file holds, without its newline. not_found when there is no such file; invalid_argument for
/// everything else, saying whether permission, size or content is the trouble. The message never quotes the content.
Result<std::string> read_secret_file(const std::string& path);

/// The whole of a file of at most `limit` bytes. Errors as above, and too_large.
Result<std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace mtmsg::config
