#include "cmd/export/row_head.hpp"

#include <charconv>

#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kUuidLength = 36;

bool skip(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<RowHead> read_usual(std::string_view row) {
  RowHead head;
  if (!skip(row, R"({"seq":)")) return std::nullopt;
  const auto [end, ec] = std::from_chars(row.data(), row.data() + row.size(), head.seq);
  if (ec != std::errc{}) return std::nullopt;
  row.remove_prefix(static_cast<std::size_t>(end - row.data()));
  if (!skip(row, R"(,"id":")") || row.size() < kUuidLength) return std::nullopt;
  row.remove_prefix(kUuidLength);
  if (!skip(row, R"(","tenant_id":")")) return std::nullopt;
  const auto tenant = TenantId::parse(row.substr(0, kUuidLength));
  if (!tenant) return std::nullopt;
  head.tenant = *tenant;
  return head;
}

}  // namespace

std::optional<RowHead> read_row_head(std::string_view row) {
  if (auto head = read_usual(row)) return head;
  const auto message = wire::read_message(row);
  return message ? std::optional(RowHead{message->seq.value, message->tenant}) : std::nullopt;
}

}  // namespace mtmsg::ctl
