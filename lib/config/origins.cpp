#include <algorithm>

#include "config/values.hpp"

namespace mtmsg::config {
namespace {

constexpr std::string_view kBetween = ", \t";

bool is_host_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._:[]").find(c) != std::string_view::npos;
}

bool is_origin(std::string_view text) noexcept {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto host = text.substr(colon + 3);
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), is_lower) && !host.empty() &&
         std::all_of(host.begin(), host.end(), is_host_character);
}

}  // namespace

Result<std::vector<std::string>> parse_origins(std::string_view text) {
  std::vector<std::string> origins;
  while (true) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBetween)));
    if (text.empty()) break;
    const auto word = text.substr(0, text.find_first_of(kBetween));
    text.remove_prefix(word.size());
    if (word != "*" && !is_origin(word))
      return fail(ErrorCode::invalid_argument,
                  "\"" + std::string(word) +
                      "\" is no origin such as https://app.example.org: a scheme and a host in "
                      "lower case, perhaps a port, no path");
    origins.emplace_back(word);
  }
  if (origins.size() > 1 && std::find(origins.begin(), origins.end(), "*") != origins.end())
    return fail(ErrorCode::invalid_argument, "\"*\" already means every origin; name no others beside it");
  return origins;
}

}  // namespace mtmsg::config
