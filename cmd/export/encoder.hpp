#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cmd/context.hpp"
#include "core/result.hpp"

namespace mtmsg::ctl {

/// Messages in one of the formats. Appends text; keeps no more than where it is. One thread.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// What stands before the first message.
  virtual void begin(std::string& out) = 0;
  /// `row`: one message as the daemon sends it. Error: it is none.
  virtual Result<void> add(std::string& out, std::string_view row) = 0;
  /// What stands after the last one.
  virtual void end(std::string& out) = 0;
};

/// ndjson: the rows as they are, one a line. json: one array. csv: a line of names, the same for every export, then a
/// line a message; what is null is empty. `format` is one of these.
std::unique_ptr<Encoder> make_encoder(Format format);

}  // namespace mtmsg::ctl
