#include "auth/scopes.hpp"

#include <algorithm>

namespace mtmsg::auth {
namespace {

/// In the enum's order, after `none`.
constexpr std::string_view kNames[] = {
    "tenants.read", "messages.read", "messages.publish", "dead_letters", "tenants.manage", "migrations",
    "observe",      "audit",         "messages.erase",
};
static_assert(std::size(kNames) == static_cast<std::size_t>(Permission::erase_messages));

}  // namespace

std::string_view scope_name(Permission permission) noexcept {
  const auto index = static_cast<std::size_t>(permission);
  return index == 0 ? std::string_view() : kNames[index - 1];
}

std::optional<Permission> scope_of(std::string_view name) noexcept {
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Permission>(found - std::begin(kNames) + 1);
}

std::span<const std::string_view> scope_names() noexcept {
  return kNames;
}

std::string Scopes::to_string() const {
  std::string text;
  for (const auto name : kNames) {
    if (!has(*scope_of(name))) continue;
    if (!text.empty()) text += ' ';
    text += name;
  }
  return text;
}

}  // namespace mtmsg::auth
