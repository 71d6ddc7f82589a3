#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/uuid.hpp"

namespace mtmsg {

/// A UUID that means one thing: two kinds of id neither compare nor convert to each other.
template <class Kind>
struct TypedUuid {
  Uuid value;

  static std::optional<TypedUuid> parse(std::string_view text) noexcept {
    const auto parsed = Uuid::parse(text);
    return parsed ? std::optional(TypedUuid{*parsed}) : std::nullopt;
  }
  std::string to_string() const { return value.to_string(); }
  auto operator<=>(const TypedUuid&) const = default;
};

/// An integer that means one thing.
template <class Kind, class Integer>
struct TypedNumber {
  Integer value{};
  auto operator<=>(const TypedNumber&) const = default;
};

using TenantId = TypedUuid<struct TenantIdKind>;
using MessageId = TypedUuid<struct MessageIdKind>;

/// A message's number within its tenant: 1, 2, 3 … A cursor is the Sequence last seen, 0 before the first.
using Sequence = TypedNumber<struct SequenceKind, std::int64_t>;

/// AMQP 0-9-1, 1.1 delivery-tag: counts per channel from 1.
using DeliveryTag = TypedNumber<struct DeliveryTagKind, std::uint64_t>;

/// AMQP channel number, 1 to channel-max.
using ChannelNumber = TypedNumber<struct ChannelNumberKind, std::uint16_t>;

}  // namespace mtmsg

template <class Kind>
struct std::hash<mtmsg::TypedUuid<Kind>> {
  std::size_t operator()(const mtmsg::TypedUuid<Kind>& id) const noexcept { return std::hash<mtmsg::Uuid>{}(id.value); }
};
