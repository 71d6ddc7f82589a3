#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {

/// The name of an output, which may have words in braces in its last part: {tenant}, {first}, {last}, {time}. No
/// percent signs: crontab(5) makes line ends of them. A value; any thread.
class OutputName {
 public:
  /// What the words stand for.
  struct Values {
    std::string tenant;
    std::int64_t first = 0;
    std::int64_t last = 0;
    Timestamp time;
  };

  /// Error: invalid_argument for a word that is none of these, and for one in a folder's name.
  static Result<OutputName> parse(std::string_view text);

  /// Absolute: the next run may begin in another folder.
  std::string with(const Values& values) const;
  bool has(std::string_view word) const;
  /// Whether it is the same every time.
  bool is_fixed() const;
  std::string folder() const;

 private:
  explicit OutputName(std::string path) : path_(std::move(path)) {}
  std::string path_;  ///< absolute
};

/// 20260131T120000Z (ISO 8601, basic form).
std::string compact_time(Timestamp time);

}  // namespace mtmsg::ctl
