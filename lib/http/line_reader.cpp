#include "http/line_reader.hpp"

namespace mtmsg::http {

boost::system::result<LineReader::Found, Problem> LineReader::next(std::string_view& line) {
  std::size_t searched = at_;
  bool too_long = false;
  while (true) {
    const auto end = buffer_.find('\n', searched);
    if (end != std::string::npos || (ended_ && at_ < buffer_.size())) {
      const auto stop = end == std::string::npos ? buffer_.size() : end;
      line = std::string_view(buffer_).substr(at_, stop - at_);
      at_ = end == std::string::npos ? stop : stop + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      return too_long || line.size() > max_bytes_ ? Found::too_long : Found::line;
    }
    if (ended_) return too_long ? Found::too_long : Found::end;
    buffer_.erase(0, at_);
    at_ = 0;
    if (buffer_.size() > max_bytes_ + 1) {
      too_long = true;
      buffer_.clear();
    }
    searched = buffer_.size();
    const auto more = body_.read(buffer_);
    if (!more) return more.error();
    ended_ = !*more;
  }
}

}  // namespace mtmsg::http
