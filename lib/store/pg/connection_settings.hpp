#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "store/pg/sessions.hpp"

namespace mtmsg::store::pg {

/// A connection string taken apart, with our defaults for what it does not say. A value.
struct ConnectionSettings {
  std::vector<std::pair<std::string, std::string>> options;  ///< keyword, value; as PQconnectdbParams takes them
  std::shared_ptr<Sessions> sessions;                        ///< that theirs belong to; null: to nobody
  /// Which of several hosts let us in last; all copies share it.
  std::shared_ptr<std::atomic<std::size_t>> last_host = std::make_shared<std::atomic<std::size_t>>(0);

  /// Empty when it is not there.
  std::string_view option(std::string_view key) const noexcept;
  bool several_hosts() const noexcept;
};

/// Adds connect_timeout (whole seconds, at least 2: libpq's own minimum), TCP keepalives (a peer that is gone is
/// noticed within about half a minute), tcp_user_timeout, client_encoding UTF8 and application_name; with several hosts
/// target_session_attrs = read-write, for a standby is of no use to us. Pure; any thread.
/// invalid_argument for a string that libpq does not understand, without repeating it: it may hold a password.
/// `application_name`, when given, is set whatever the string says.
Result<ConnectionSettings> connection_settings(const std::string& url, std::chrono::milliseconds connect_timeout,
                                               const std::string& application_name = {});

}  // namespace mtmsg::store::pg
