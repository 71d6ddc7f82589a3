#include "wire/fields.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/nearest.hpp"
#include "domain/message.hpp"

namespace mtmsg::wire {
namespace {

// Enough to recognise it; the sender decides how long a name is.
constexpr std::size_t kShownName = 64;

std::string shown(std::string_view name) {
  return name.size() <= kShownName ? std::string(name) : std::string(name.substr(0, kShownName)) + "…";
}

}  // namespace

FieldReader::FieldReader(std::string_view text, std::string_view what, Reading reading)
    : what_(what), reading_(reading) {
  auto members = split_object(text, what);
  if (members)
    members_ = std::move(*members);
  else
    error_ = members.error();
}

std::optional<std::string_view> FieldReader::find(std::string_view key, bool required) {
  asked_.push_back(key);
  if (error_) return std::nullopt;
  const auto member = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.key == key; });
  if (member != members_.end() && (reading_ == Reading::exact || member->raw != "null")) return member->raw;
  if (required) refuse("field \"" + std::string(key) + "\" is missing");
  return std::nullopt;
}

void FieldReader::refuse(std::string message) {
  if (!error_) error_ = fail(ErrorCode::invalid_argument, what_ + ": " + std::move(message));
}

void FieldReader::wrong_type(std::string_view key, std::string_view wanted) {
  refuse("field \"" + std::string(key) + "\" must be " + std::string(wanted));
}

std::optional<std::string> FieldReader::optional_text(std::string_view key) {
  const auto raw_value = find(key, false);
  if (!raw_value) return std::nullopt;
  auto decoded = decode_json_string(*raw_value);
  if (!decoded) wrong_type(key, "a string");
  return decoded;
}

std::string FieldReader::text(std::string_view key) {
  find(key, true);
  return optional_text(key).value_or("");
}

std::optional<std::int64_t> FieldReader::optional_number(std::string_view key) {
  const auto raw_value = find(key, false);
  if (!raw_value) return std::nullopt;
  std::int64_t number_value = 0;
  const auto* end = raw_value->data() + raw_value->size();
  const auto [stopped, ec] = std::from_chars(raw_value->data(), end, number_value);
  if (ec == std::errc{} && stopped == end) return number_value;
  wrong_type(key, "a whole number");
  return std::nullopt;
}

std::int64_t FieldReader::number(std::string_view key) {
  find(key, true);
  return optional_number(key).value_or(0);
}

std::optional<unsigned> FieldReader::optional_unsigned(std::string_view key) {
  const auto value = optional_number(key);
  if (!value) return std::nullopt;
  if (*value >= 0 && *value <= std::numeric_limits<unsigned>::max()) return static_cast<unsigned>(*value);
  wrong_type(key, "a whole number, not negative");
  return std::nullopt;
}

std::uint64_t FieldReader::count(std::string_view key) {
  const auto value = optional_number(key).value_or(0);
  return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

std::optional<bool> FieldReader::optional_flag(std::string_view key) {
  const auto raw_value = find(key, false);
  if (!raw_value) return std::nullopt;
  if (*raw_value == "true") return true;
  if (*raw_value == "false") return false;
  wrong_type(key, "true or false");
  return std::nullopt;
}

std::optional<double> FieldReader::optional_decimal(std::string_view key) {
  const auto raw = find(key, false);
  if (!raw) return std::nullopt;
  double number = 0;
  const auto [end, ec] = std::from_chars(raw->data(), raw->data() + raw->size(), number);
  if (ec == std::errc{} && end == raw->data() + raw->size()) return number;
  wrong_type(key, "a number");
  return std::nullopt;
}

bool FieldReader::flag(std::string_view key) {
  find(key, true);
  return optional_flag(key).value_or(false);
}

std::optional<Timestamp> FieldReader::optional_time(std::string_view key) {
  const auto value = optional_text(key);
  if (!value) return std::nullopt;
  auto parsed = parse_timestamp(*value);
  if (parsed) return *parsed;
  refuse("field \"" + std::string(key) + "\": " + parsed.error().message);
  return std::nullopt;
}

Timestamp FieldReader::time(std::string_view key) {
  find(key, true);
  return optional_time(key).value_or(Timestamp{});
}

std::optional<std::string_view> FieldReader::optional_raw(std::string_view key) {
  asked_.push_back(key);
  if (error_) return std::nullopt;
  const auto member = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.key == key; });
  return member == members_.end() ? std::nullopt : std::optional(member->raw);
}

std::string_view FieldReader::raw(std::string_view key) {
  const auto value = optional_raw(key);
  if (!value) refuse("field \"" + std::string(key) + "\" is missing");
  return value.value_or("null");
}

bool FieldReader::has(std::string_view key) const {
  return std::any_of(members_.begin(), members_.end(), [&](const auto& m) { return m.key == key; });
}

Result<void> FieldReader::finish() {
  if (reading_ == Reading::exact && !error_) {
    for (const auto& member : members_) {
      if (std::find(asked_.begin(), asked_.end(), member.key) != asked_.end()) continue;
      const auto meant = nearest_name(member.key, asked_);
      auto refusal = "unknown field \"" + shown(member.key) + "\"";
      if (meant) refusal.append("; did you mean \"").append(*meant).append("\"?");
      refuse(std::move(refusal));
      break;
    }
  }
  if (error_) return *error_;
  return {};
}

}  // namespace mtmsg::wire
