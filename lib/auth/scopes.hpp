#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mtmsg::auth {

/// What a route asks of its caller. Each row of the route table (http/routes.hpp) names one; each but `none` is also a
/// scope that a token can be narrowed to.
enum class Permission : std::uint8_t {
  none,                 ///< anybody, also without credentials: health
  read_tenant,          ///< a tenant's row and numbers
  read_messages,        ///< a tenant's messages
  publish,              ///< into a tenant
  manage_dead_letters,  ///< a tenant's: see, replay, delete
  manage_tenants,       ///< create, list, change, delete
  migrate,              ///< the schema: see and change
  observe,              ///< the whole daemon: status, metrics
  audit,                ///< who changed what
  erase_messages,       ///< take a message's payload away, keep its number
};

/// The name of its scope: "tenants.read", "messages.publish"; empty for `none`.
std::string_view scope_name(Permission permission) noexcept;
std::optional<Permission> scope_of(std::string_view name) noexcept;
/// All names, in the enum's order.
std::span<const std::string_view> scope_names() noexcept;

/// A set of permissions. A value; any thread.
class Scopes {
 public:
  void add(Permission permission) noexcept { bits_ |= bit(permission); }
  bool has(Permission permission) const noexcept { return (bits_ & bit(permission)) != 0; }
  /// As in the claim `scope` (RFC 8693, 4.2): names with a blank between them.
  std::string to_string() const;
  friend bool operator==(const Scopes&, const Scopes&) = default;

 private:
  static std::uint32_t bit(Permission permission) noexcept { return 1U << static_cast<unsigned>(permission); }
  std::uint32_t bits_ = 0;
};

}  // namespace mtmsg::auth
