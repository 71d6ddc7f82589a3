#include "http/request_id.hpp"

#include <algorithm>

#include "core/uuid.hpp"
#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

constexpr std::size_t kLongest = 128;

bool is_id_character(char c) noexcept {
  return is_digit(c) || is_upper(c) || is_lower(c) || c == '.' || c == '_' || c == '-';
}

}  // namespace

bool is_request_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, is_id_character);
}

std::string request_id_of(const std::vector<HeaderLine>& headers) {
  const auto found =
      std::ranges::find_if(headers, [](const auto& line) { return iequals(line.name, kRequestIdHeader); });
  if (found != headers.end() && is_request_id(found->value)) return std::string(found->value);
  return Uuid::v7().to_string();
}

}  // namespace mtmsg::http
