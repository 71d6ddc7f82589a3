#pragma once

#include <memory>

#include "broker/amqp/dial.hpp"
#include "broker/session.hpp"

namespace mtmsg::broker::amqp {

/// broker::connect whose socket another thread can end, and which goes around the servers with each call.
Result<std::unique_ptr<Session>> connect(asio::io_context& io, const ConnectOptions& options, SessionHandler& handler,
                                         const std::shared_ptr<Interruption>& interruption, Turn& turn);

}  // namespace mtmsg::broker::amqp
