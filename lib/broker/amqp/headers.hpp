#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/amqp/api.hpp"
#include "broker/headers.hpp"
#include "domain/tenant.hpp"

namespace mtmsg::broker::amqp {

/// What a delivery needs besides the JSON.
struct Properties {
  std::optional<std::string_view> message_id;  ///< views the library's buffer
  std::optional<Timestamp> timestamp;
  std::uint32_t delivery_count = 0;
};

/// Writes broker/headers.hpp's object into `json` (what was there goes; its memory is used again). Pure; any thread.
Properties render_headers(const amqp_basic_properties_t& properties, bool redelivered, std::string& json);

}  // namespace mtmsg::broker::amqp
