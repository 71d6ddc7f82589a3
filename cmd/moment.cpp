#include "cmd/moment.hpp"

#include <chrono>

#include "cmd/limit_options.hpp"

namespace mtmsg::ctl {

Result<Timestamp> parse_moment(std::string_view text) {
  if (const auto time = parse_timestamp(text)) return *time;
  const auto ago = parse_limit_value(Limit::retention_seconds, text);
  if (!ago)
    return fail(ErrorCode::invalid_argument, "'" + std::string(text) +
                                                 "' is neither a time (RFC 3339) nor how long ago, such as 90min, 12h "
                                                 "or 7d");
  const auto now = std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
  return now - std::chrono::seconds(*ago);
}

void add_moment(CLI::App& verb, std::string name, std::optional<Timestamp>& value, std::string help) {
  verb.add_option_function<std::string>(
          std::move(name), [&value](const std::string& text) { value = parse_moment(text).value(); }, std::move(help))
      ->type_name("TIME")
      ->check([](const std::string& text) {
        const auto parsed = parse_moment(text);
        return parsed ? std::string() : parsed.error().message;
      });
}

}  // namespace mtmsg::ctl
