#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "domain/tenant.hpp"
#include "store/pg/pqxx.hpp"

/// Reading fields of results, and writing SQL for them.
namespace mtmsg::store::pg {

/// The expression that gives a timestamptz as microseconds since 1970: exact, and nothing to parse.
inline std::string micros(const std::string& column) {
  return "(extract(epoch from " + column + ") * 1000000)::bigint";
}

/// A uuid as a literal.
template <class Kind>
std::string quoted(TypedUuid<Kind> id) {
  return "'" + id.to_string() + "'";
}

template <class Field>
std::string_view text_of(const Field& field) {
  return field.is_null() ? std::string_view() : std::string_view(field.c_str(), field.size());
}

template <class Field>
std::int64_t int_of(const Field& field) {
  return field.template as<std::int64_t>();
}

template <class Field>
Timestamp time_of(const Field& field) {
  return Timestamp(std::chrono::microseconds(int_of(field)));
}

template <class Field>
std::optional<Timestamp> maybe_time_of(const Field& field) {
  return field.is_null() ? std::nullopt : std::optional(time_of(field));
}

template <class Id, class Field>
Id id_of(const Field& field) {
  const auto id = Id::parse(text_of(field));
  if (!id) throw Failure(Error{ErrorCode::internal, "PostgreSQL gave a uuid that is none"});
  return *id;
}

}  // namespace mtmsg::store::pg
