#include "broker/amqp/headers.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "broker/amqp/json_text.hpp"
#include "broker/amqp/nesting.hpp"
#include "core/uuid.hpp"

namespace mtmsg::broker::amqp {
namespace {

constexpr std::string_view kDeliveryCount = "x-delivery-count";
constexpr std::string_view kDeath = "x-death";
constexpr std::string_view kReserved = "amqp";

/// Writes the commas of one object or array.
class Separator {
 public:
  explicit Separator(std::string& json) : json_(json) {}
  void next() {
    if (!first_) json_ += ',';
    first_ = false;
  }

 private:
  std::string& json_;
  bool first_ = true;
};

std::span<const amqp_table_entry_t> entries_of(const amqp_table_t& table) {
  return {table.entries, static_cast<std::size_t>(std::max(0, table.num_entries))};
}

std::span<const amqp_field_value_t> entries_of(const amqp_array_t& array) {
  return {array.entries, static_cast<std::size_t>(std::max(0, array.num_entries))};
}

void append_value(std::string& json, const amqp_field_value_t& field, int depth);

void append_table(std::string& json, const amqp_table_t& table, int depth) {
  json += '{';
  Separator separator(json);
  for (const auto& entry : entries_of(table)) {
    separator.next();
    append_key(json, view(entry.key));
    json += ':';
    append_value(json, entry.value, depth);
  }
  json += '}';
}

void append_array(std::string& json, const amqp_array_t& array, int depth) {
  json += '[';
  Separator separator(json);
  for (const auto& entry : entries_of(array)) {
    separator.next();
    append_value(json, entry, depth);
  }
  json += ']';
}

std::optional<std::int64_t> integer_of(const amqp_field_value_t& field) noexcept {
  switch (field.kind) {
    case AMQP_FIELD_KIND_I8:
      return field.value.i8;
    case AMQP_FIELD_KIND_U8:
      return field.value.u8;
    case AMQP_FIELD_KIND_I16:
      return field.value.i16;
    case AMQP_FIELD_KIND_U16:
      return field.value.u16;
    case AMQP_FIELD_KIND_I32:
      return field.value.i32;
    case AMQP_FIELD_KIND_U32:
      return field.value.u32;
    case AMQP_FIELD_KIND_I64:
      return field.value.i64;
    default:
      return std::nullopt;
  }
}

/// `depth` is how many tables and arrays stand around the value.
void append_value(std::string& json, const amqp_field_value_t& field, int depth) {
  if (const auto integer = integer_of(field)) {
    append_number(json, *integer);
    return;
  }
  switch (field.kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
      json += field.value.boolean ? "true" : "false";
      return;
    case AMQP_FIELD_KIND_U64:
      append_number(json, field.value.u64);
      return;
    case AMQP_FIELD_KIND_F32:
      append_number(json, field.value.f32);
      return;
    case AMQP_FIELD_KIND_F64:
      append_number(json, field.value.f64);
      return;
    case AMQP_FIELD_KIND_DECIMAL:
      // AMQP 4.2.5.5: the digits are a signed long, though the library types them as unsigned.
      append_decimal(json, static_cast<std::int32_t>(field.value.decimal.value), field.value.decimal.decimals);
      return;
    case AMQP_FIELD_KIND_UTF8:
      append_text(json, view(field.value.bytes));
      return;
    case AMQP_FIELD_KIND_BYTES:
      append_binary(json, view(field.value.bytes));
      return;
    case AMQP_FIELD_KIND_TIMESTAMP:
      append_timestamp(json, field.value.u64);
      return;
    case AMQP_FIELD_KIND_TABLE:
      if (depth >= kMaxDepth) break;
      append_table(json, field.value.table, depth + 1);
      return;
    case AMQP_FIELD_KIND_ARRAY:
      if (depth >= kMaxDepth) break;
      append_array(json, field.value.array, depth + 1);
      return;
    default:
      break;
  }
  json += "null";
}

bool is_brokers_own(std::string_view key, Origin origin) noexcept {
  if (origin == Origin::first_delivery) return false;
  if (key == kDeliveryCount) return true;
  return origin == Origin::dead_letter &&
         (key == kDeath || key.starts_with("x-first-death-") || key.starts_with("x-last-death-"));
}

/// The members that are the application's. Returns whether one of them must move under "amqp".
bool append_application_headers(std::string& json, const amqp_table_t& headers, Origin origin, Separator& separator) {
  bool reserved = false;
  for (const auto& entry : entries_of(headers)) {
    const auto key = view(entry.key);
    if (is_brokers_own(key, origin)) continue;
    if (key == kReserved) {
      reserved = true;
      continue;
    }
    separator.next();
    append_key(json, key);
    json += ':';
    append_value(json, entry.value, 1);
  }
  return reserved;
}

/// The members of "amqp": one for each property that is set.
class PropertyWriter {
 public:
  PropertyWriter(std::string& json, const amqp_basic_properties_t& properties, Separator& outer)
      : json_(json), properties_(properties), outer_(outer), separator_(json) {}

  void text(amqp_flags_t flag, std::string_view name, const amqp_bytes_t& value) {
    if (begin(flag, name)) append_text(json_, view(value));
  }
  void number(amqp_flags_t flag, std::string_view name, std::uint64_t value) {
    if (begin(flag, name)) append_number(json_, value);
  }
  void timestamp(std::uint64_t seconds) {
    if (begin(AMQP_BASIC_TIMESTAMP_FLAG, "timestamp")) append_timestamp(json_, seconds);
  }
  void reserved_header(const amqp_table_t& headers) {
    member("headers");
    json_ += '{';
    Separator separator(json_);
    for (const auto& entry : entries_of(headers)) {
      if (view(entry.key) != kReserved) continue;
      separator.next();
      append_key(json_, kReserved);
      json_ += ':';
      append_value(json_, entry.value, 3);
    }
    json_ += '}';
  }
  void finish() {
    if (open_) json_ += '}';
  }

 private:
  bool begin(amqp_flags_t flag, std::string_view name) {
    if ((properties_._flags & flag) == 0) return false;
    member(name);
    return true;
  }
  void member(std::string_view name) {
    if (!open_) {
      outer_.next();
      json_ += "\"amqp\":{";
      open_ = true;
    }
    separator_.next();
    json_ += '"';
    json_ += name;
    json_ += "\":";
  }

  std::string& json_;
  const amqp_basic_properties_t& properties_;
  Separator& outer_;
  Separator separator_;
  bool open_ = false;
};

std::uint32_t delivery_count_of(const amqp_table_t& headers) noexcept {
  std::uint32_t count = 0;
  for (const auto& entry : entries_of(headers)) {
    if (view(entry.key) != kDeliveryCount) continue;
    const auto value = integer_of(entry.value).value_or(0);
    count = static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, std::numeric_limits<std::uint32_t>::max()));
  }
  return count;
}

std::string_view text_of(const amqp_field_value_t& field) noexcept {
  return field.kind == AMQP_FIELD_KIND_UTF8 ? view(field.value.bytes) : std::string_view();
}

/// The first entry: RabbitMQ puts its own there, before any that a publisher forged.
std::optional<Death> death_of(const amqp_table_t& headers) {
  for (const auto& entry : entries_of(headers)) {
    if (view(entry.key) != kDeath || entry.value.kind != AMQP_FIELD_KIND_ARRAY) continue;
    const auto deaths = entries_of(entry.value.value.array);
    if (deaths.empty() || deaths.front().kind != AMQP_FIELD_KIND_TABLE) return std::nullopt;
    Death death;
    for (const auto& [key, value] : entries_of(deaths.front().value.table)) {
      const auto name = view(key);
      if (name == "reason") death.reason = text_of(value);
      if (name == "queue") death.queue = text_of(value);
      if (name == "exchange") death.exchange = text_of(value);
      if (name != "routing-keys" || value.kind != AMQP_FIELD_KIND_ARRAY) continue;
      if (const auto keys = entries_of(value.value.array); !keys.empty()) death.routing_key = text_of(keys.front());
    }
    return death;
  }
  return std::nullopt;
}

std::optional<Timestamp> timestamp_of(std::uint64_t seconds) noexcept {
  // Timestamp ends in the year 294247, PostgreSQL's timestamptz some decades later.
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  if (seconds > kMax) return std::nullopt;
  return Timestamp(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

}  // namespace

Properties render_headers(const amqp_basic_properties_t& properties, Origin origin, std::string& json) {
  const auto has = [&](amqp_flags_t flag) { return (properties._flags & flag) != 0; };
  Properties out;
  if (has(AMQP_BASIC_MESSAGE_ID_FLAG)) out.message_id = view(properties.message_id);
  if (has(AMQP_BASIC_TIMESTAMP_FLAG)) out.timestamp = timestamp_of(properties.timestamp);
  const bool has_headers = has(AMQP_BASIC_HEADERS_FLAG);
  if (origin != Origin::first_delivery && has_headers) out.delivery_count = delivery_count_of(properties.headers);
  if (origin == Origin::dead_letter && has_headers) out.death = death_of(properties.headers);

  json.clear();
  json += '{';
  Separator separator(json);
  const bool reserved = has_headers && append_application_headers(json, properties.headers, origin, separator);
  PropertyWriter writer(json, properties, separator);
  writer.text(AMQP_BASIC_CONTENT_TYPE_FLAG, "content_type", properties.content_type);
  writer.text(AMQP_BASIC_CONTENT_ENCODING_FLAG, "content_encoding", properties.content_encoding);
  writer.number(AMQP_BASIC_DELIVERY_MODE_FLAG, "delivery_mode", properties.delivery_mode);
  writer.number(AMQP_BASIC_PRIORITY_FLAG, "priority", properties.priority);
  writer.text(AMQP_BASIC_CORRELATION_ID_FLAG, "correlation_id", properties.correlation_id);
  writer.text(AMQP_BASIC_REPLY_TO_FLAG, "reply_to", properties.reply_to);
  writer.text(AMQP_BASIC_EXPIRATION_FLAG, "expiration", properties.expiration);
  if (out.message_id && !Uuid::parse(*out.message_id)) {
    writer.text(AMQP_BASIC_MESSAGE_ID_FLAG, "message_id", properties.message_id);
  }
  writer.timestamp(properties.timestamp);
  writer.text(AMQP_BASIC_TYPE_FLAG, "type", properties.type);
  writer.text(AMQP_BASIC_USER_ID_FLAG, "user_id", properties.user_id);
  writer.text(AMQP_BASIC_APP_ID_FLAG, "app_id", properties.app_id);
  writer.text(AMQP_BASIC_CLUSTER_ID_FLAG, "cluster_id", properties.cluster_id);
  if (reserved) writer.reserved_header(properties.headers);
  writer.finish();
  json += '}';
  return out;
}

}  // namespace mtmsg::broker::amqp
