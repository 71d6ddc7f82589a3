#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/amqp/api.hpp"
#include "broker/headers.hpp"
#include "broker/session.hpp"

namespace mtmsg::broker::amqp {

/// What a delivery needs besides the JSON.
struct Properties {
  std::optional<std::string_view> message_id;  ///< views the library's buffer
  std::optional<Timestamp> timestamp;
  std::uint32_t delivery_count = 0;
  std::optional<Death> death;  ///< of what was dead-lettered
};

/// How a delivery came to us, and so which of its headers are the broker's own: on a first delivery none, whatever a
/// publisher calls them; x-delivery-count of a redelivery; of what was dead-lettered also x-death and its kin.
enum class Origin { first_delivery, redelivery, dead_letter };

/// Writes broker/headers.hpp's object into `json` (what was there goes; its memory is used again). Pure; any thread.
Properties render_headers(const amqp_basic_properties_t& properties, Origin origin, std::string& json);

}  // namespace mtmsg::broker::amqp
