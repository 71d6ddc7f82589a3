#include "daemon/log.hpp"

#include <cstdlib>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/journal_sink.hpp"

namespace mtmsg::daemon {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_byte(std::string& out, unsigned char byte) {
  out += "\\x";
  out += kHex[byte >> 4U];
  out += kHex[byte & 15U];
}

/// Length of the well-formed UTF-8 sequence of two to four bytes at the front (RFC 3629), or 0.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto first = byte(0);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const auto second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

/// Text with two characters that a quoted value must escape, too.
std::string escape(std::string_view text, bool for_quotes) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t taken = 1;
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '\r') {
      out += "\\r";
    } else if (for_quotes && (byte == '"' || byte == '\\')) {
      out += '\\';
      out += text.front();
    } else if (byte >= 0x20 && byte < 0x7F) {
      out += text.front();
    } else if (byte < 0x80) {
      append_byte(out, byte);
    } else {
      taken = utf8_length(text);
      // U+0080 to U+009F are control characters that some terminals obey.
      const bool control = taken == 2 && byte == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
      if (taken == 0 || control) {
        taken = 1;
        append_byte(out, byte);
      } else {
        out += text.substr(0, taken);
      }
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::string quote(std::string_view text) {
  return '"' + escape(text, true) + '"';
}

/// Bare when nothing in it needs quotes.
std::string logfmt_value(std::string_view text) {
  const auto plain = [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\'; };
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), plain);
  return bare ? std::string(text) : quote(text);
}

std::string pairs(LogFields fields) {
  std::string text;
  for (const auto& field : fields) text += ' ' + std::string(field.key) + '=' + logfmt_value(field.value);
  return text;
}

std::string human_text(std::string_view message, LogFields fields) {
  return escape(message, false) + (fields.size() > 0 ? " " : "") + pairs(fields);
}

std::string journal_text(std::string_view name, std::string_view message, LogFields fields) {
  auto text = human_text(message, fields);
  const auto add = [&text](std::string_view key, std::string_view value) {
    text += kJournalSeparator;
    text += "MTMSG_";
    for (const char c : key) text += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    text += '=' + escape(value, false);
  };
  add("event", name);
  for (const auto& field : fields) add(field.key, field.value);
  return text;
}

spdlog::level::level_enum level_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::unique_ptr<spdlog::formatter> formatter_of(LogFormat format) {
  using spdlog::pattern_time_type;
  if (format == LogFormat::logfmt) {
    return std::make_unique<spdlog::pattern_formatter>("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
                                                       pattern_time_type::utc);
  }
  return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v", pattern_time_type::local);
}

spdlog::sink_ptr standard_error_sink(LogFormat format) {
  if (format == LogFormat::journal) return std::make_shared<JournalSink>("mtmsgd");
  const char* const no_color = std::getenv("NO_COLOR");
  const bool color =
      format == LogFormat::human && ::isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
  const auto mode = color ? spdlog::color_mode::always : spdlog::color_mode::never;
  return std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(mode);
}

LogFormat resolve_for_standard_error(LogFormat wanted) {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  return resolve_log_format(wanted, ::isatty(STDERR_FILENO) == 1,
                            stream != nullptr && is_journal_stream(stream, STDERR_FILENO));
}

}  // namespace

struct Log::Impl {
  Impl(LogFormat resolved, LogLevel level, spdlog::sink_ptr sink)
      : format(resolved), logger("mtmsgd", std::move(sink)) {
    logger.set_formatter(formatter_of(format));
    logger.set_level(level_of(level));
    logger.flush_on(spdlog::level::trace);
  }

  const LogFormat format;
  spdlog::logger logger;
};

Log::Log(LogFormat format, LogLevel level) {
  const auto resolved = resolve_for_standard_error(format);
  impl_ = std::make_unique<Impl>(resolved, level, standard_error_sink(resolved));
}

Log::Log(LogFormat format, LogLevel level, std::ostream& out)
    : impl_(std::make_unique<Impl>(format, level, std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {}

Log::~Log() = default;

void Log::event(LogLevel level, std::string_view name, std::string_view message, LogFields fields) {
  const auto severity = level_of(level);
  if (!impl_->logger.should_log(severity)) return;
  std::string text;
  switch (impl_->format) {
    case LogFormat::journal:
      text = journal_text(name, message, fields);
      break;
    case LogFormat::logfmt:
      text = "event=" + logfmt_value(name) + " msg=" + quote(message) + pairs(fields);
      break;
    case LogFormat::human:
    case LogFormat::automatic:
      text = human_text(message, fields);
      break;
  }
  impl_->logger.log(severity, spdlog::string_view_t(text));
}

bool Log::writes(LogLevel level) const noexcept {
  return impl_->logger.should_log(level_of(level));
}

void Log::set_level(LogLevel level) {
  impl_->logger.set_level(level_of(level));
}

LogFormat resolve_log_format(LogFormat wanted, bool terminal, bool journal) noexcept {
  if (wanted != LogFormat::automatic) return wanted;
  if (journal) return LogFormat::journal;
  return terminal ? LogFormat::human : LogFormat::logfmt;
}

bool is_journal_stream(std::string_view stream, int descriptor) noexcept {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
}

std::string escape_log_text(std::string_view text) {
  return escape(text, false);
}

}  // namespace mtmsg::daemon
