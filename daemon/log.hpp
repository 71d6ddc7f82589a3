#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace mtmsg::daemon {

using config::LogFormat;
using config::LogLevel;

/// One named value of an event. Keys are stable, of [a-z0-9_]: people search for them. Never a payload or a secret.
struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag ? "true" : "false") {}
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) LogField(std::string_view name, Integer number)
      : key(name), value(std::to_string(number)) {}
};

using LogFields = std::initializer_list<LogField>;

/// The daemon's log: one event, one line. Passed by reference to whoever handles errors; libraries do not log.
///   human    local time, level, message, key=value …, coloured on a terminal unless NO_COLOR is set
///   logfmt   time=… level=… event=… msg="…" key=value …, time in UTC
///   journal  a journal entry whose MESSAGE is the human line, with MTMSG_EVENT and MTMSG_<KEY> as fields
/// Nothing that came from outside can end a line or move the cursor: control characters, and bytes that are not UTF-8,
/// are written as \xNN. Any thread.
class Log {
 public:
  /// To standard error, or to the journal. `automatic` looks at what standard error is.
  Log(LogFormat format, LogLevel level);
  /// To a stream, which must outlive it: human (never coloured) or logfmt.
  Log(LogFormat format, LogLevel level, std::ostream& out);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// `name` is the event's stable name, such as "tenant_created"; `message` a sentence for people.
  void event(LogLevel level, std::string_view name, std::string_view message, LogFields fields = {});

  void debug(std::string_view name, std::string_view message, LogFields fields = {}) {
    event(LogLevel::debug, name, message, fields);
  }
  void info(std::string_view name, std::string_view message, LogFields fields = {}) {
    event(LogLevel::info, name, message, fields);
  }
  void warning(std::string_view name, std::string_view message, LogFields fields = {}) {
    event(LogLevel::warning, name, message, fields);
  }
  void error(std::string_view name, std::string_view message, LogFields fields = {}) {
    event(LogLevel::error, name, message, fields);
  }

  /// Is an event of this level written? For those who would put one together in vain.
  bool writes(LogLevel level) const noexcept;

  /// While running (SIGHUP).
  void set_level(LogLevel level);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What `automatic` means for a standard error that is a terminal, or the journal's stream, or neither. Pure.
LogFormat resolve_log_format(LogFormat wanted, bool terminal, bool journal) noexcept;

/// Whether `stream` ("DEVICE:INODE", as systemd sets JOURNAL_STREAM) is the file behind `descriptor`.
bool is_journal_stream(std::string_view stream, int descriptor) noexcept;

/// `text` with everything that could forge a line or steer a terminal written as \xNN, \n, \t …
std::string escape_log_text(std::string_view text);

}  // namespace mtmsg::daemon
