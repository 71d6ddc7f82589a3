#include "daemon/journal_sink.hpp"

#include <cstdio>
#include <string_view>
#include <vector>

#include <sys/uio.h>
#include <syslog.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace mtmsg::daemon {
namespace {

int priority_of(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return LOG_DEBUG;
    case spdlog::level::warn:
      return LOG_WARNING;
    case spdlog::level::err:
      return LOG_ERR;
    case spdlog::level::critical:
      return LOG_CRIT;
    default:
      return LOG_INFO;
  }
}

}  // namespace

JournalSink::JournalSink(std::string identifier) : identifier_("SYSLOG_IDENTIFIER=" + std::move(identifier)) {}

void JournalSink::sink_it_(const spdlog::details::log_msg& message) {
  std::vector<std::string> parts{identifier_, "PRIORITY=" + std::to_string(priority_of(message.level))};
  std::string_view rest(message.payload.data(), message.payload.size());
  std::string name = "MESSAGE=";
  for (;;) {
    const auto end = rest.find(kJournalSeparator);
    parts.push_back(std::move(name) + std::string(rest.substr(0, end)));
    name.clear();
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::vector<iovec> vectors;
  vectors.reserve(parts.size());
  for (auto& part : parts) vectors.push_back({part.data(), part.size()});
  if (sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size())) < 0) {
    std::fprintf(stderr, "%s\n", parts[2].c_str());
  }
}

}  // namespace mtmsg::daemon
