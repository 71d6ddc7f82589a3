#include "store/pg/connection_settings.hpp"

#include <algorithm>
#include <memory>

#include <libpq-fe.h>

namespace mtmsg::store::pg {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

void set_default(ConnectionSettings& settings, std::string_view key, std::string value) {
  const auto known = std::ranges::any_of(settings.options, [&](const auto& option) { return option.first == key; });
  if (!known) settings.options.emplace_back(key, std::move(value));
}

void set_always(ConnectionSettings& settings, std::string_view key, std::string value) {
  std::erase_if(settings.options, [&](const auto& option) { return option.first == key; });
  settings.options.emplace_back(key, std::move(value));
}

}  // namespace

std::string_view ConnectionSettings::option(std::string_view key) const noexcept {
  for (const auto& [name, value] : options)
    if (name == key) return value;
  return {};
}

bool ConnectionSettings::several_hosts() const noexcept {
  return option("host").find(',') != std::string_view::npos || option("hostaddr").find(',') != std::string_view::npos;
}

Result<ConnectionSettings> connection_settings(const std::string& url, std::chrono::milliseconds connect_timeout,
                                               const std::string& application_name) {
  const bool uri = url.starts_with("postgres://") || url.starts_with("postgresql://");
  if (!uri && url.find('=') == std::string::npos)
    return fail(ErrorCode::invalid_argument, "database.url is neither postgresql://… nor keyword=value pairs");

  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(PQconninfoParse(url.c_str(), &complaint));
  PQfreemem(complaint);  // it quotes the string
  if (!parsed) return fail(ErrorCode::invalid_argument, "database.url is not a connection string libpq understands");

  ConnectionSettings settings;
  for (const auto* option = parsed.get(); option->keyword; ++option)
    if (option->val && *option->val) settings.options.emplace_back(option->keyword, option->val);

  const auto seconds = std::max<std::int64_t>(2, (connect_timeout.count() + 999) / 1000);
  set_default(settings, "connect_timeout", std::to_string(seconds));
  set_default(settings, "keepalives", "1");
  set_default(settings, "keepalives_idle", "10");
  set_default(settings, "keepalives_interval", "5");
  set_default(settings, "keepalives_count", "3");
  set_default(settings, "tcp_user_timeout", "30000");
  set_default(settings, "application_name", "mtmsgd");
  if (settings.several_hosts()) set_default(settings, "target_session_attrs", "read-write");
  if (!application_name.empty()) set_always(settings, "application_name", application_name);
  set_always(settings, "client_encoding", "UTF8");  // COPY's bytes are checked as what they are meant to be
  return settings;
}

}  // namespace mtmsg::store::pg
