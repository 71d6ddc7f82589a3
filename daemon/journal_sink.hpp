#pragma once

#include <mutex>
#include <string>

#include <spdlog/sinks/base_sink.h>

namespace mtmsg::daemon {

/// Between the parts of what a JournalSink is given: never part of an escaped text.
inline constexpr char kJournalSeparator = '\x1f';

/// Sends "MESSAGE␟FIELD=value␟FIELD=value …" as one entry of the systemd journal. spdlog's own sink for it knows no
/// fields. When the journal is away the message goes to standard error.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit JournalSink(std::string identifier);

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  const std::string identifier_;
};

}  // namespace mtmsg::daemon
