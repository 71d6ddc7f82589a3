#pragma once

#include <optional>

#include "config/config.hpp"
#include "core/result.hpp"
#include "tls/context.hpp"

namespace mtmsg::setup {

/// What the API over TCP shows and whom it lets in; none: it speaks plain text.
std::optional<tls::ServerFiles> server_files(const config::Config& config);

/// Whom the links to RabbitMQ trust, and what they show.
tls::ClientFiles broker_files(const config::Config& config);

/// Reads every file that TLS needs, as a start would. Error: names the option and the file.
Result<void> check_tls_files(const config::Config& config);

}  // namespace mtmsg::setup
