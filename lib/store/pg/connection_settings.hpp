#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "store/pg/sessions.hpp"

namespace mtmsg::store::pg {

/// A connection string taken apart, with our defaults for what it does not say. A value.
struct ConnectionSettings {
  std::vector<std::pair<std::string, std::string>> options;  ///< keyword, value; as PQconnectdbParams takes them
  std::shared_ptr<Sessions> sessions;                        ///< that theirs belong to; null: to nobody
};

/// Adds connect_timeout (whole seconds, at least 2: libpq's own minimum), TCP keepalives (a peer that is gone is
/// noticed within about half a minute), tcp_user_timeout, client_encoding UTF8 and application_name. Pure; any thread.
/// invalid_argument for a string that libpq does not understand, without repeating it: it may hold a password.
/// `application_name`, when given, is set whatever the string says.
Result<ConnectionSettings> connection_settings(const std::string& url, std::chrono::milliseconds connect_timeout,
                                               const std::string& application_name = {});

}  // namespace mtmsg::store::pg
