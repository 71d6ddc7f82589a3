#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace mtmsg::client {

/// Cuts a stream of bytes into lines, whatever the pieces it comes in. One thread.
class LineSplitter {
 public:
  /// A longer line is taken for an error: nothing the daemon sends is that long.
  explicit LineSplitter(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  /// Calls `line` for each line that is complete now, without its end. False when `line` returned false or the bound
  /// was passed.
  bool feed(std::string_view bytes, const std::function<bool(std::string_view)>& line) {
    for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      const auto part = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (begun_.empty()) {
        if (!line(part)) return false;
        continue;
      }
      begun_ += part;
      const bool go_on = line(begun_);
      begun_.clear();
      if (!go_on) return false;
    }
    begun_ += bytes;
    return begun_.size() <= max_line_bytes_;
  }

  /// What came after the last line end.
  std::string_view rest() const noexcept { return begun_; }

 private:
  std::string begun_;
  std::size_t max_line_bytes_;
};

}  // namespace mtmsg::client
