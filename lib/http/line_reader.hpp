#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/exchange.hpp"

namespace mtmsg::http {

/// The lines of a body, holding no more than one of them and a piece. One thread.
class LineReader {
 public:
  enum class Found {
    line,
    too_long,  ///< longer than `max_bytes`: passed over
    end,
  };

  LineReader(BodyReader& body, std::size_t max_bytes) : body_(body), max_bytes_(max_bytes) {}

  /// `line` without its end (LF, or CR LF); valid until the next call.
  boost::system::result<Found, Problem> next(std::string_view& line);

 private:
  BodyReader& body_;
  const std::size_t max_bytes_;
  std::string buffer_;
  std::size_t at_ = 0;  // where the next line begins
  bool ended_ = false;
};

}  // namespace mtmsg::http
