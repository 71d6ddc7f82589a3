#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/export/journal.hpp"

namespace mtmsg::ctl {

/// What `--summary` writes, and the sentences on standard error. A value; any thread.
struct Summary {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string output;             ///< empty: standard output, or no file because no message came
  std::string next_cursor;        ///< empty where each tenant has its own, in the cursor file
  std::int64_t epoch = 0;         ///< 0: not known
  std::vector<Gap> gaps;          ///< messages that retention removed before they were exported
  std::vector<Sealed> completed;  ///< outputs of earlier runs that have their names now
};

/// One JSON object and a line end.
std::string summary_text(const Summary& summary);

}  // namespace mtmsg::ctl
