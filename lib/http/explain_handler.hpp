#pragma once

#include <string>

#include "wire/status.hpp"

namespace mtmsg::http {

/// Why the database can't be used at the moment; empty while it can.
std::string database_trouble(const wire::Readiness& readiness);
/// The same of the broker the messages come from.
std::string broker_trouble(const wire::Readiness& readiness);

}  // namespace mtmsg::http
