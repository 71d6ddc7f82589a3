#include "domain/message.hpp"

#include <charconv>

namespace mtmsg {
namespace {

/// The whole of `text` as a decimal number without sign; nullopt when it is none or does not fit.
template <class Integer>
std::optional<Integer> parse_decimal(std::string_view text) noexcept {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Sequence> parse_cursor(std::string_view text) {
  if (const auto value = parse_decimal<std::int64_t>(text)) return Sequence{*value};
  return fail(ErrorCode::invalid_argument, "a cursor is a decimal number from 0 to 9223372036854775807");
}

std::string GlobalCursor::to_string() const {
  return tenant.to_string() + ':' + std::to_string(seq.value);
}

Result<GlobalCursor> parse_global_cursor(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto tenant = TenantId::parse(text.substr(0, colon));
    const auto seq = parse_decimal<std::int64_t>(text.substr(colon + 1));
    if (tenant && seq) return GlobalCursor{*tenant, Sequence{*seq}};
  }
  return fail(ErrorCode::invalid_argument,
              "a cursor over all tenants has the form TENANT_ID:NUMBER, such as "
              "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f:123");
}

Result<unsigned> parse_limit(std::string_view text) {
  const auto value = parse_decimal<unsigned>(text);
  if (value && *value >= 1 && *value <= kMaxPageRows) return *value;
  return fail(ErrorCode::invalid_argument, "limit is a number from 1 to " + std::to_string(kMaxPageRows));
}

MessageIdentity identify_message(TenantId tenant, std::optional<std::string_view> message_id) {
  using Origin = MessageIdentity::Origin;
  if (!message_id || message_id->empty()) return {MessageId{Uuid::v7()}, Origin::generated};
  if (const auto id = MessageId::parse(*message_id)) return {*id, Origin::given};
  return {MessageId{Uuid::v5(tenant.value, *message_id)}, Origin::derived};
}

}  // namespace mtmsg
